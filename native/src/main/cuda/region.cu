// RoIAlign, and its gradient by sums of whole numbers. Java: RegionKernels.
#include "region.cuh"

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

// The gradient with maps of u64, cleared before, in units of fixed: each bin adds to its pixels. The N channels of a thread lie as far
// apart as there are packs, so that neighbours in a warp add to neighbours in memory: one addition takes 8 bytes, and four of them
// are a sector.
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
using RoiAlignBackwardFixedNarrow = RoiAlignBackwardFixed<T, 1>;
template <typename T>
using RoiAlignBackwardFixedWide = RoiAlignBackwardFixed<T, 4>;
KERNEL_FLOATS(roi_align, RoiAlignNarrow, 256)
KERNEL_FLOATS(roi_align_wide, RoiAlignWide, 256)
KERNEL_FLOATS(roi_align_backward_fixed, RoiAlignBackwardFixedNarrow, 256)
KERNEL_FLOATS(roi_align_backward_fixed_wide, RoiAlignBackwardFixedWide, 256)
