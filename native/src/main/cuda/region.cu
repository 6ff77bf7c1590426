// Picks rows and pools regions. Java: RegionKernels.
#include "cocoli.cuh"

// ---- rows

// y[n, m] = x[n, indices[n, m]]; a unit is what a row is a multiple of
template <typename Unit>
struct GatherRows {
  const Unit* x;
  const int* indices;
  Unit* y;
  i64 rows;        // of an image in x
  i64 count;       // units in all
  Divider columns;  // units of a row
  Divider picked;   // rows of an image in y
  u32 missing;      // what a row that is none is filled with

  __device__ static void set(u32& unit, u32 value) { unit = value; }

  __device__ static void set(uint4& unit, u32 value) { unit = make_uint4(value, value, value, value); }

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 at = static_cast<u32>(i);
      u32 row = columns.quotient(at);
      u32 column = at - row * columns.divisor;
      int from = indices[row];
      if (from < 0) {
        set(y[i], missing);
      } else {
        y[i] = x[(picked.quotient(row) * rows + from) * columns.divisor + column];
      }
    }
  }
};
KERNEL(gather_rows_16, GatherRows<uint4>, 256)
KERNEL(gather_rows_4, GatherRows<u32>, 256)

// dx[n, indices[n, m]] = dy[n, m], where no two indices of an image are equal
template <typename Unit>
struct ScatterRows {
  const Unit* dy;
  const int* indices;
  Unit* dx;
  i64 rows;         // of an image in dx
  i64 count;        // units in all
  Divider columns;  // units of a row
  Divider picked;   // rows of an image in dy

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 at = static_cast<u32>(i);
      u32 row = columns.quotient(at);
      u32 column = at - row * columns.divisor;
      int into = indices[row];
      if (into >= 0) {
        dx[(picked.quotient(row) * rows + into) * columns.divisor + column] = dy[i];
      }
    }
  }
};
KERNEL(scatter_rows_16, ScatterRows<uint4>, 256)
KERNEL(scatter_rows_4, ScatterRows<u32>, 256)

// ---- what both ways of pooling share

// A float as an int, so far from the limits that sums and differences of a few do not overflow; NaN is 0.
__device__ inline int to_int(float x) {
  constexpr float LIMIT = 536870912.0f;
  return x == x ? static_cast<int>(fminf(fmaxf(x, -LIMIT), LIMIT)) : 0;
}

template <typename T, int N>
__device__ inline void load(const T* from, float (&values)[N]) {
  Pack<T, N> pack = *reinterpret_cast<const Pack<T, N>*>(from);
  for (int i = 0; i < N; i++) {
    values[i] = to_float(pack.at[i]);
  }
}

template <typename T, int N>
__device__ inline void store(const float (&values)[N], T* into) {
  Pack<T, N> pack;
  for (int i = 0; i < N; i++) {
    pack.at[i] = from_float<T>(values[i]);
  }
  *reinterpret_cast<Pack<T, N>*>(into) = pack;
}

// Adds neighbours, each by itself an atomic addition: the order of the sums is not fixed, so that their last bits may change from
// run to run.
template <int N>
__device__ inline void add_atomically(float* into, const float (&values)[N]) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900  // the host has it too
  constexpr int STEP = N % 4 == 0 ? 4 : 1;
#else
  constexpr int STEP = 1;
#endif
  for (int i = 0; i < N; i += STEP) {
    if constexpr (STEP == 4) {
      atomicAdd(reinterpret_cast<float4*>(into + i), make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]));
    } else {
      atomicAdd(into + i, values[i]);
    }
  }
}

// The place of an element of [R, bins, bins, C], where threads count N channels as one.
struct BinPlace {
  u32 roi;
  u32 row;
  u32 column;
  u32 pack;  // of the channels

  __device__ BinPlace(u32 i, const Divider& packs, const Divider& bins) {
    u32 bin = packs.quotient(i);
    pack = i - bin * packs.divisor;
    u32 rows = bins.quotient(bin);
    column = bin - rows * bins.divisor;
    roi = bins.quotient(rows);
    row = rows - roi * bins.divisor;
  }
};

// ---- sums that do not depend on their order

// 2^exponent as a product, for exponents of which half is one of a float.
struct PowerOfTwo {
  float first;
  float second;

  __device__ explicit PowerOfTwo(int exponent) {
    int half = exponent >> 1;
    first = __int_as_float((half + 127) << 23);
    second = __int_as_float((exponent - half + 127) << 23);
  }

  // Exact but for what a float cannot hold.
  __device__ float times(float x) const { return x * first * second; }
};

// Gradients as whole numbers of a unit, whose sum is the same in whatever order they are added.
//
// An element of dy goes to the pixels with weights whose sum is at most 1: along one axis the two weights of a sample are 1 /
// samples together (RoIAlign), or the one pixel gets it all (RoIPool). So what a pixel is given by R regions is at most R * bins *
// bins times the largest |dy|. With R * bins * bins <= 2^headroom and |dy| < 2^exponent, and 2^(exponent + headroom - 62) for the
// unit, that is 2^62 units: half of what fits. The other half is for roundings: those of the weights, some 2^-22 of the sum, and
// that of each addend to the unit, half a unit for each of fewer than 2^60.
//
// The resolution for 1000 regions with 7 x 7 bins (2^16) is 2^-46 of the largest |dy|, where fp32 has 2^-24; it is 2^-31 for as
// many as a kernel counts. Addends are rounded to fp32 before, as those of the atomic sums are.
struct FixedPoint {
  const u32* largest;  // bits of the largest |dy|
  int headroom;

  // Where one gradient is infinite or NaN there is no unit, and all sums are NaN.
  __device__ bool has_unit() const { return *largest < 0x7f800000u; }

  __device__ int units_exponent() const { return 62 - headroom - (static_cast<int>(*largest >> 23) - 126); }

  // What a gradient is multiplied by to be in units.
  __device__ PowerOfTwo units() const { return PowerOfTwo(units_exponent()); }

  // What units are multiplied by.
  __device__ PowerOfTwo unit() const { return PowerOfTwo(-units_exponent()); }
};

// A negative number wraps around, and the sum does again.
__device__ inline void add_units(u64* into, float units) { atomicAdd(into, static_cast<u64>(__float2ll_rn(units))); }

// The largest |dy| of all regions but those that only pad: a block takes a region. The order of floats that are not negative is
// that of their bits, and NaN comes after infinity.
template <typename T>
struct LargestGradient {
  const T* dy;
  const float* rois;  // [R,5]
  u32* largest;       // cleared before
  i64 size;           // of a region in dy

  __device__ void operator()() const {
    __shared__ u32 of_block;
    if (threadIdx.x == 0) {
      of_block = 0;
    }
    __syncthreads();
    i64 region = blockIdx.x;
    u32 most = 0;
    if (to_int(rois[5 * region]) >= 0) {
      for (i64 i = threadIdx.x; i < size; i += blockDim.x) {
        most = max(most, __float_as_uint(to_float(dy[region * size + i])) & 0x7fffffffu);
      }
    }
    most = __reduce_max_sync(FULL_WARP, most);
    if (threadIdx.x % WARP == 0) {
      atomicMax(&of_block, most);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      atomicMax(largest, of_block);
    }
  }
};
KERNEL_FLOATS(largest_gradient, LargestGradient, 256)

template <typename T>
struct FixedToFloat {
  const i64* sums;
  T* y;
  i64 count;
  FixedPoint fixed;

  __device__ void operator()() const {
    bool has_unit = fixed.has_unit();
    PowerOfTwo unit = fixed.unit();
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      y[i] = from_float<T>(has_unit ? unit.times(__ll2float_rn(sums[i])) : __uint_as_float(0x7fc00000u));
    }
  }
};
KERNEL_FLOATS(fixed_to_float, FixedToFloat, 256)

// ---- RoIAlign

constexpr int ROI_MAPS = 8;

struct RoiMap {
  void* pixels;  // [N,H,W,C]
  int height;
  int width;
  float scale;
  float least_side;  // a region belongs here, or to a coarser map, from this root of its area on
};

// The two pixels along one axis that a sample lies between, and its weights.
struct AxisSample {
  int low;
  int high;
  float low_weight;
  float high_weight;

  // Returns whether the sample is within the map; the roundings are torchvision's.
  __device__ bool place(float start, float bin_size, u32 bin, int i, int samples, int size) {
    float at = start + bin * bin_size + (i + 0.5f) * bin_size / samples;
    if (at < -1 || at > size) {
      return false;
    }
    at = fmaxf(at, 0);
    low = min(static_cast<int>(at), size - 1);
    high = min(low + 1, size - 1);
    // from the last pixel's centre on there is nothing to interpolate with
    float beyond = low == high ? 0 : at - low;
    low_weight = (1 - beyond) / samples;
    high_weight = beyond / samples;
    return true;
  }
};

// A region on its map.
struct RoiPlace {
  const RoiMap* map;
  i64 first_row;  // of its image, in rows of the map
  float start_x;
  float start_y;
  float bin_width;
  float bin_height;
  int samples_x;  // of a bin
  int samples_y;

  __device__ bool place_column(AxisSample& sample, u32 bin, int i) const {
    return sample.place(start_x, bin_width, bin, i, samples_x, map->width);
  }

  __device__ bool place_row(AxisSample& sample, u32 bin, int i) const {
    return sample.place(start_y, bin_height, bin, i, samples_y, map->height);
  }
};

// What a thread of RoIAlign and of its gradient does: it finds the region of its bin and that region's map, and the samples of
// the bin one after the other (torchvision's roi_align and LevelMapper; He et al. 2017). A thread takes N channels of a bin; a
// warp takes neighbouring channels, so that it reads whole lines of the maps.
struct RoiBins {
  RoiMap maps[ROI_MAPS];
  const float* rois;  // [R,5]
  i64 count;          // R * bins * bins * packs
  Divider packs;      // of N channels
  Divider bins;
  int map_count;
  int sampling_ratio;  // 0 or less: a sample for each pixel
  float offset;        // half a pixel if aligned
  float least_extent;  // 1 if not aligned

  // Returns whether there is a region, and not only padding.
  __device__ bool find(u32 number, RoiPlace& region) const {
    const float* roi = rois + 5 * static_cast<i64>(number);
    int image = to_int(roi[0]);
    if (image < 0) {
      return false;
    }
    float x1 = roi[1];
    float y1 = roi[2];
    float x2 = roi[3];
    float y2 = roi[4];
    float side = sqrtf((x2 - x1) * (y2 - y1));
    int level = 0;
    while (level + 1 < map_count && side >= maps[level + 1].least_side) {
      level++;
    }
    const RoiMap& map = maps[level];
    region.map = &map;
    region.first_row = static_cast<i64>(image) * map.height;
    region.start_x = x1 * map.scale - offset;
    region.start_y = y1 * map.scale - offset;
    region.bin_width = fmaxf(x2 * map.scale - offset - region.start_x, least_extent) / bins.divisor;
    region.bin_height = fmaxf(y2 * map.scale - offset - region.start_y, least_extent) / bins.divisor;
    region.samples_x = sampling_ratio > 0 ? sampling_ratio : to_int(ceilf(region.bin_width));
    region.samples_y = sampling_ratio > 0 ? sampling_ratio : to_int(ceilf(region.bin_height));
    return true;
  }

  // Calls what with the offset of each pixel in its map, and its weight.
  template <int N, typename What>
  __device__ void each_pixel(const BinPlace& place, const What& what) const {
    RoiPlace region;
    if (!find(place.roi, region)) {
      return;
    }
    const RoiMap& map = *region.map;
    i64 channels = static_cast<i64>(packs.divisor) * N;
    for (int i = 0; i < region.samples_y; i++) {
      AxisSample y;
      if (!region.place_row(y, place.row, i)) {
        continue;
      }
      i64 low_row = (region.first_row + y.low) * map.width;
      i64 high_row = (region.first_row + y.high) * map.width;
      for (int j = 0; j < region.samples_x; j++) {
        AxisSample x;
        if (!region.place_column(x, place.column, j)) {
          continue;
        }
        i64 channel = place.pack * N;
        what(map.pixels, (low_row + x.low) * channels + channel, y.low_weight * x.low_weight);
        what(map.pixels, (low_row + x.high) * channels + channel, y.low_weight * x.high_weight);
        what(map.pixels, (high_row + x.low) * channels + channel, y.high_weight * x.low_weight);
        what(map.pixels, (high_row + x.high) * channels + channel, y.high_weight * x.high_weight);
      }
    }
  }
};

template <typename T, int N>
struct RoiAlign {
  RoiBins regions;
  T* y;  // [R,bins,bins,C]

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < regions.count; i += piece_stride()) {
      float sums[N] = {};
      regions.each_pixel<N>(
          BinPlace(static_cast<u32>(i), regions.packs, regions.bins), [&](void* map, i64 at, float weight) {
            float pixel[N];
            load<T, N>(static_cast<const T*>(map) + at, pixel);
            for (int c = 0; c < N; c++) {
              sums[c] += weight * pixel[c];
            }
          });
      store<T, N>(sums, y + i * N);
    }
  }
};

// The rows of a map that two samples of a bin lie between, each once.
struct MergedRows {
  static constexpr int SAMPLES = 2;
  static constexpr int MOST = 2 * SAMPLES;

  int at[MOST];
  float weight[MOST];  // 0 for a row that is none

  __device__ MergedRows(const RoiPlace& region, u32 bin, int first) {
    for (int i = 0; i < SAMPLES; i++) {
      AxisSample sample;
      bool within = first + i < region.samples_y && region.place_row(sample, bin, first + i);
      at[2 * i] = within ? sample.low : 0;
      at[2 * i + 1] = within ? sample.high : 0;
      weight[2 * i] = within ? sample.low_weight : 0.0f;
      weight[2 * i + 1] = within ? sample.high_weight : 0.0f;
    }
    for (int later = 2; later < MOST; later++) {
      for (int i = 0; i < 2; i++) {
        if (at[later] == at[i]) {
          weight[i] += weight[later];
          weight[later] = 0;
        }
      }
    }
  }
};

// The maps are cleared before, and are fp32 for both types: hundreds of regions may add to a pixel. The sums are atomic: a gather
// that fixes their order would first have to sort the regions by place. RoiAlignBackwardFixed is for who needs the same bits.
//
// The atomic additions take the time, so a thread first adds up what goes to the same pixel: it takes N channels of a row of bins,
// whose samples it goes through from left to right with the sums of the two columns that the sample lies between. A bilinear weight
// is a product, so a sum by column is multiplied by the weights of the bin's rows once it is complete.
template <typename T, int N>
struct RoiAlignBackward {
  RoiBins regions;
  const T* dy;  // [R,bins,bins,C]

  struct Column {
    float sums[N];
    bool used;

    __device__ void clear() {
      for (int c = 0; c < N; c++) {
        sums[c] = 0;
      }
      used = false;
    }

    __device__ void add(float weight, const float (&gradient)[N]) {
      if (weight == 0) {
        return;
      }
      for (int c = 0; c < N; c++) {
        sums[c] += weight * gradient[c];
      }
      used = true;
    }
  };

  __device__ void operator()() const {
    u32 bins = regions.bins.divisor;
    i64 lines = regions.count / bins;
    for (i64 i = first_piece(); i < lines; i += piece_stride()) {
      u32 line = regions.packs.quotient(static_cast<u32>(i));
      u32 pack = static_cast<u32>(i) - line * regions.packs.divisor;
      u32 roi = regions.bins.quotient(line);
      RoiPlace region;
      if (!regions.find(roi, region)) {
        continue;
      }
      const T* gradients = dy + (static_cast<i64>(line) * bins * regions.packs.divisor + pack) * N;
      for (int first = 0; first < region.samples_y; first += MergedRows::SAMPLES) {
        add_line(region, MergedRows(region, line - roi * bins, first), pack, gradients);
      }
    }
  }

  __device__ void add_line(const RoiPlace& region, const MergedRows& rows, u32 pack, const T* gradients) const {
    i64 channels = static_cast<i64>(regions.packs.divisor) * N;
    int at = -2;
    Column low;   // at
    Column high;  // after it
    low.clear();
    high.clear();
    for (u32 bin = 0; bin < regions.bins.divisor; bin++) {
      float gradient[N];
      load<T, N>(gradients + bin * channels, gradient);
      for (int i = 0; i < region.samples_x; i++) {
        AxisSample sample;
        if (!region.place_column(sample, bin, i)) {
          continue;
        }
        if (sample.low != at) {
          add_column(region, rows, pack, at, low);
          if (sample.low == at + 1) {
            low = high;
          } else {
            add_column(region, rows, pack, at + 1, high);
            low.clear();
          }
          high.clear();
          at = sample.low;
        }
        low.add(sample.low_weight, gradient);
        high.add(sample.high_weight, gradient);
      }
    }
    add_column(region, rows, pack, at, low);
    add_column(region, rows, pack, at + 1, high);
  }

  __device__ void add_column(const RoiPlace& region, const MergedRows& rows, u32 pack, int at, const Column& column) const {
    if (!column.used) {
      return;
    }
    float* map = static_cast<float*>(region.map->pixels) + pack * N;
    for (int i = 0; i < MergedRows::MOST; i++) {
      if (rows.weight[i] != 0) {
        float share[N];
        for (int c = 0; c < N; c++) {
          share[c] = rows.weight[i] * column.sums[c];
        }
        i64 pixel = (region.first_row + rows.at[i]) * region.map->width + at;
        add_atomically<N>(map + pixel * regions.packs.divisor * N, share);
      }
    }
  }
};

// The same with maps of u64, cleared before, in units of fixed. The N channels of a thread lie as far apart as there are packs,
// so that neighbours in a warp add to neighbours in memory: one addition takes 8 bytes, and four of them are a sector.
template <typename T, int N>
struct RoiAlignBackwardFixed {
  RoiBins regions;
  const T* dy;  // [R,bins,bins,C]
  FixedPoint fixed;

  __device__ void operator()() const {
    if (!fixed.has_unit()) {
      return;
    }
    PowerOfTwo units = fixed.units();
    i64 step = regions.packs.divisor;
    for (i64 i = first_piece(); i < regions.count; i += piece_stride()) {
      BinPlace place(static_cast<u32>(i), regions.packs, regions.bins);
      i64 first = place.pack;
      place.pack = 0;
      const T* bin = dy + (i - first) * N;
      float gradient[N];
      for (int c = 0; c < N; c++) {
        gradient[c] = units.times(to_float(bin[first + c * step]));
      }
      regions.each_pixel<N>(place, [&](void* map, i64 at, float weight) {
        if (weight == 0) {
          return;
        }
        for (int c = 0; c < N; c++) {
          add_units(static_cast<u64*>(map) + at + first + c * step, weight * gradient[c]);
        }
      });
    }
  }
};

template <typename T>
using RoiAlignNarrow = RoiAlign<T, 1>;
template <typename T>
using RoiAlignWide = RoiAlign<T, Wide<T>::size>;
template <typename T>
using RoiAlignBackwardNarrow = RoiAlignBackward<T, 1>;
// Four floats are what one atomic addition takes, so that those of neighbours in a warp fill whole sectors.
template <typename T>
using RoiAlignBackwardWide = RoiAlignBackward<T, 4>;
template <typename T>
using RoiAlignBackwardFixedNarrow = RoiAlignBackwardFixed<T, 1>;
template <typename T>
using RoiAlignBackwardFixedWide = RoiAlignBackwardFixed<T, 4>;
KERNEL_FLOATS(roi_align, RoiAlignNarrow, 256)
KERNEL_FLOATS(roi_align_wide, RoiAlignWide, 256)
KERNEL_FLOATS(roi_align_backward, RoiAlignBackwardNarrow, 256)
KERNEL_FLOATS(roi_align_backward_wide, RoiAlignBackwardWide, 256)
KERNEL_FLOATS(roi_align_backward_fixed, RoiAlignBackwardFixedNarrow, 256)
KERNEL_FLOATS(roi_align_backward_fixed_wide, RoiAlignBackwardFixedWide, 256)

// ---- RoIPool

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
