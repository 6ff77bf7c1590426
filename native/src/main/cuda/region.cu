// RoIAlign and its gradient. Java: RegionKernels.
#include "region.cuh"

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
