// RoIPool and its gradient. Java: RegionKernels.
#include "region.cuh"

// Pixels [from, to) of a bin along one axis, cut as torchvision does: in single precision, corners rounded away from zero at a
// half.
struct PixelRange {
  int from;
  int to;

  __device__ PixelRange(float start, float end, float scale, u32 bin, u32 bins, int extent) {
    int first = to_int(roundf(start * scale));
    int last = to_int(roundf(end * scale));
    float size = static_cast<float>(max(last - first + 1, 1)) / bins;
    from = min(max(to_int(floorf(bin * size)) + first, 0), extent);
    to = min(max(to_int(ceilf((bin + 1) * size)) + first, 0), extent);
  }
};

// A thread takes N channels of a bin, as with RoIAlign.
template <int N>
struct RoiPool {
  const float* map;   // [N,H,W,C]
  const float* rois;  // [R,5]
  float* y;           // [R,bins,bins,C]
  int* argmax;        // like y, or null
  i64 count;          // R * bins * bins * packs
  Divider packs;      // of N channels
  Divider bins;
  int height;
  int width;
  float scale;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      BinPlace place(static_cast<u32>(i), packs, bins);
      const float* roi = rois + 5 * static_cast<i64>(place.roi);
      int image = to_int(roi[0]);
      PixelRange columns(roi[1], roi[3], scale, place.column, bins.divisor, width);
      PixelRange rows(roi[2], roi[4], scale, place.row, bins.divisor, height);
      bool empty = image < 0 || rows.from >= rows.to || columns.from >= columns.to;
      float best[N];
      Pack<int, N> winner;
      for (int c = 0; c < N; c++) {
        best[c] = empty ? 0.0f : -3.402823466e+38f;
        winner.at[c] = -1;
      }
      if (!empty) {
        const float* pixels = map + static_cast<i64>(image) * height * width * packs.divisor * N + place.pack * N;
        for (int row = rows.from; row < rows.to; row++) {
          for (int column = columns.from; column < columns.to; column++) {
            int at = row * width + column;
            float pixel[N];
            load<float, N>(pixels + static_cast<i64>(at) * packs.divisor * N, pixel);
            for (int c = 0; c < N; c++) {
              if (pixel[c] > best[c]) {
                best[c] = pixel[c];
                winner.at[c] = at;
              }
            }
          }
        }
      }
      store<float, N>(best, y + i * N);
      if (argmax != nullptr) {
        *reinterpret_cast<Pack<int, N>*>(argmax + i * N) = winner;
      }
    }
  }
};
KERNEL(roi_pool, RoiPool<1>, 256)
KERNEL(roi_pool_wide, RoiPool<4>, 256)

// Where the gradients of a pooled map go.
struct RoiPoolWinners {
  const float* dy;    // [R,bins,bins,C]
  const float* rois;  // [R,5]
  const int* argmax;  // like dy
  i64 count;
  i64 pixels;  // of an image
  Divider channels;
  Divider bins;

  // Calls what with an offset in the map, and what is added there.
  template <typename What>
  __device__ void each(const What& what) const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      int winner = argmax[i];
      BinPlace place(static_cast<u32>(i), channels, bins);
      int image = to_int(rois[5 * static_cast<i64>(place.roi)]);
      if (winner >= 0 && image >= 0) {
        what((image * pixels + winner) * channels.divisor + place.pack, dy[i]);
      }
    }
  }
};

// The map is cleared before. The sums are atomic, as RoIAlign's are.
struct RoiPoolBackward {
  RoiPoolWinners winners;
  float* dmap;  // [N,H,W,C]

  __device__ void operator()() const {
    winners.each([&](i64 at, float gradient) { atomicAdd(dmap + at, gradient); });
  }
};
KERNEL(roi_pool_backward, RoiPoolBackward, 256)

// The same in units of fixed.
struct RoiPoolBackwardFixed {
  RoiPoolWinners winners;
  u64* sums;  // [N,H,W,C], cleared before
  FixedPoint fixed;

  __device__ void operator()() const {
    if (!fixed.has_unit()) {
      return;
    }
    PowerOfTwo units = fixed.units();
    winners.each([&](i64 at, float gradient) { add_units(sums + at, units.times(gradient)); });
  }
};
KERNEL(roi_pool_backward_fixed, RoiPoolBackwardFixed, 256)
