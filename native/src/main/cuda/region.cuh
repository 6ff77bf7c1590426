// What the kernels that pool regions share: regions on their maps, and sums that do not depend on their order.
#pragma once

#include "cocoli.cuh"

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
  int level;  // of the map
  int image;
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
    region.level = level;
    region.image = image;
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
