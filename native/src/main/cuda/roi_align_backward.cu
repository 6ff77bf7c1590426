// The gradient of RoIAlign. Java: RegionKernels.
#include "region.cuh"

// The part of a map that the samples of a region may touch, and a pixel more on each side, for roundings.
struct RoiReach {
  int roi;
  int top;
  int bottom;
  int left;
  int right;

  // Along one axis; where a region lies outside of the map, the first pixel is after the last.
  __device__ static void along(float start, float bin_size, u32 bins, int samples, int size, int& first, int& last) {
    float half = 0.5f * bin_size / samples;
    float one = start + half;
    float other = start + bins * bin_size - half;
    first = max(to_int(fminf(one, other)) - 1, 0);
    last = min(to_int(fmaxf(one, other)) + 2, size - 1);
  }

  __device__ bool meets(int y, int x, int extent) const {
    return top < y + extent && bottom >= y && left < x + extent && right >= x;
  }
};

// Lists the regions of each map and image, in their order: a block makes one list.
struct RoiReaches {
  RoiBins regions;
  RoiReach* reaches;  // [maps, N, R]
  int* counts;        // [maps, N]
  i64 total;          // R
  int images;         // N

  __device__ bool find(i64 number, RoiReach& reach) const {
    RoiPlace region;
    if (number >= total || !regions.find(static_cast<u32>(number), region) || region.image >= images ||
        static_cast<u32>(region.level * images + region.image) != blockIdx.x) {
      return false;
    }
    const RoiMap& map = *region.map;
    u32 bins = regions.bins.divisor;
    reach.roi = static_cast<int>(number);
    RoiReach::along(region.start_y, region.bin_height, bins, region.samples_y, map.height, reach.top, reach.bottom);
    RoiReach::along(region.start_x, region.bin_width, bins, region.samples_x, map.width, reach.left, reach.right);
    return reach.top <= reach.bottom && reach.left <= reach.right;
  }

  __device__ void operator()() const {
    RoiReach* list = reaches + blockIdx.x * total;
    u32 length = 0;
    for (i64 first = 0; first < total; first += blockDim.x) {
      RoiReach reach;
      bool belongs = find(first + threadIdx.x, reach);
      u32 found;
      u32 place = block_exclusive_sum(belongs ? 1 : 0, found);
      if (belongs) {
        list[length + place] = reach;
      }
      length += found;
    }
    if (threadIdx.x == 0) {
      counts[blockIdx.x] = static_cast<int>(length);
    }
  }
};
KERNEL(roi_reaches, RoiReaches, 256)

// A block writes the gradient of a square of pixels: it takes the regions that reach into the square one after the other, adds up in
// fp32, and rounds once. So nothing is cleared before or converted after, and the order of a sum is that of the regions.
//
// A warp has a row of the square, a lane N channels of it; blockIdx.y counts what is more than the channels of a warp. A bilinear
// weight is the product of two, one along each axis. The block computes the weights of some regions at once: for each bin, those of
// the rows and columns of the square.
template <typename T, int N>
struct RoiAlignBackward {
  static constexpr int SIDE = 8;  // of a square; warps of a block
  static constexpr u32 THREADS = SIDE * WARP;
  static constexpr u32 WEIGHTS = 4096;  // in shared memory; RegionKernels.MOST_BINS is what they suffice for

  RoiBins regions;
  const T* dy;  // [R,bins,bins,C]
  const RoiReach* reaches;
  const int* counts;
  i64 total;
  int images;

  struct Square {
    const RoiMap* map;
    int list;  // of the map's and image's regions
    int image;
    int top;
    int left;
  };

  // The coarsest map comes first: its squares have the most regions.
  __device__ Square own_square() const {
    int block = static_cast<int>(gridDim.x - 1 - blockIdx.x);
    int level = 0;
    while (true) {
      const RoiMap& map = regions.maps[level];
      int across = (map.width + SIDE - 1) / SIDE;
      int of_image = across * ((map.height + SIDE - 1) / SIDE);
      if (block < of_image * images) {
        int image = block / of_image;
        int square = block - image * of_image;
        int line = square / across;
        return {&map, level * images + image, image, line * SIDE, (square - line * across) * SIDE};
      }
      block -= of_image * images;
      level++;
    }
  }

  // The weights of the square's rows and columns in each bin: [count, 2, bins, SIDE].
  __device__ void weigh(const Square& square, const int* rois, u32 count, float* weights) const {
    u32 bins = regions.bins.divisor;
    for (u32 i = threadIdx.x; i < count * 2 * bins; i += THREADS) {
      u32 axis = i / bins;
      u32 bin = i - axis * bins;
      bool down = axis % 2 == 0;
      int first = down ? square.top : square.left;
      float sums[SIDE] = {};
      RoiPlace region;
      regions.find(static_cast<u32>(rois[axis / 2]), region);
      int samples = down ? region.samples_y : region.samples_x;
      for (int j = 0; j < samples; j++) {
        AxisSample sample;
        if (down ? region.place_row(sample, bin, j) : region.place_column(sample, bin, j)) {
          for (int k = 0; k < SIDE; k++) {
            sums[k] += (sample.low == first + k ? sample.low_weight : 0.0f) + (sample.high == first + k ? sample.high_weight : 0.0f);
          }
        }
      }
      for (int k = 0; k < SIDE; k++) {
        weights[i * SIDE + k] = sums[k];
      }
    }
  }

  // Adds what a region gives to a warp's row of the square: first the bins above each other, then to each pixel.
  __device__ void add(u32 roi, const float* weights, u32 pack, float (&sums)[SIDE][N]) const {
    u32 bins = regions.bins.divisor;
    const float* down = weights + threadIdx.x / WARP;
    const float* along = weights + bins * SIDE;
    u32 begin = bins;
    u32 end = 0;
    for (u32 row = 0; row < bins; row++) {
      if (down[row * SIDE] != 0) {
        begin = min(begin, row);
        end = row + 1;
      }
    }
    const T* gradients = dy + (static_cast<i64>(roi) * bins * bins * regions.packs.divisor + pack) * N;
    for (u32 column = 0; begin < end && column < bins; column++) {
      float across[SIDE];
      bool any = false;
      for (int k = 0; k < SIDE; k++) {
        across[k] = along[column * SIDE + k];
        any |= across[k] != 0;
      }
      if (!any) {
        continue;
      }
      float gradient[N] = {};
      for (u32 row = begin; row < end; row++) {
        float weight = down[row * SIDE];
        float bin[N];
        load<T, N>(gradients + static_cast<i64>(row * bins + column) * regions.packs.divisor * N, bin);
        for (int c = 0; c < N; c++) {
          gradient[c] += weight == 0 ? 0.0f : weight * bin[c];
        }
      }
      for (int k = 0; k < SIDE; k++) {
        if (across[k] != 0) {
          for (int c = 0; c < N; c++) {
            sums[k][c] += across[k] * gradient[c];
          }
        }
      }
    }
  }

  __device__ void operator()() const {
    __shared__ int rois[THREADS];
    __shared__ float weights[WEIGHTS];
    Square square = own_square();
    u32 bins = regions.bins.divisor;
    u32 at_once = WEIGHTS / (2 * bins * SIDE);
    u32 pack = blockIdx.y * WARP + threadIdx.x % WARP;
    const RoiReach* list = reaches + square.list * total;
    int length = counts[square.list];
    float sums[SIDE][N] = {};
    for (int first = 0; first < length; first += THREADS) {
      int own = first + static_cast<int>(threadIdx.x);
      bool meets = own < length && list[own].meets(square.top, square.left, SIDE);
      u32 found;
      u32 place = block_exclusive_sum(meets ? 1 : 0, found);
      if (meets) {
        rois[place] = list[own].roi;
      }
      for (u32 begin = 0; begin < found; begin += at_once) {
        u32 count = min(at_once, found - begin);
        __syncthreads();
        weigh(square, rois + begin, count, weights);
        __syncthreads();
        for (u32 i = 0; pack < regions.packs.divisor && i < count; i++) {
          add(static_cast<u32>(rois[begin + i]), weights + i * 2 * bins * SIDE, pack, sums);
        }
      }
    }
    write(square, pack, sums);
  }

  __device__ void write(const Square& square, u32 pack, const float (&sums)[SIDE][N]) const {
    const RoiMap& map = *square.map;
    int y = square.top + static_cast<int>(threadIdx.x / WARP);
    if (y >= map.height || pack >= regions.packs.divisor) {
      return;
    }
    i64 row = (static_cast<i64>(square.image) * map.height + y) * map.width;
    for (int k = 0; k < SIDE; k++) {
      if (square.left + k < map.width) {
        store<T, N>(sums[k], static_cast<T*>(map.pixels) + ((row + square.left + k) * regions.packs.divisor + pack) * N);
      }
    }
  }
};

template <typename T>
using RoiAlignBackwardNarrow = RoiAlignBackward<T, 1>;
template <typename T>
using RoiAlignBackwardWide = RoiAlignBackward<T, Wide<T>::size>;
KERNEL_FLOATS(roi_align_backward, RoiAlignBackwardNarrow, 256)
KERNEL_FLOATS(roi_align_backward_wide, RoiAlignBackwardWide, 256)
