// Maps [N,h,w,C] to [N,H,W,C] by repeating the nearest pixel, and the gradient. Java: UpsampleKernels.
#include "cocoli.cuh"

// Which source a place is copied from along one axis: torch's nearest_neighbor_compute_source_index.
struct NearestAxis {
  int from;       // h or w
  int to;         // H or W
  float scale;    // from / to
  float inverse;  // to / from

  __device__ int source(int place) const {
    int at = static_cast<int>(floorf(static_cast<float>(place) * scale));
    return at < from - 1 ? at : from - 1;
  }

  // The first place that is copied from a source or a later one. The product may be off by rounding.
  __device__ int start(int wanted) const {
    int place = static_cast<int>(static_cast<float>(wanted) * inverse);
    place = place < to ? place : to;
    while (place > 0 && source(place - 1) >= wanted) {
      place--;
    }
    while (place < to && source(place) < wanted) {
      place++;
    }
    return place;
  }
};

// A thread has neighbouring channels of one pixel: Width is how many, 1 or those of 16 bytes.
template <typename T, int Width>
struct UpsampleNearest {
  const T* x;
  const T* addend;  // or null; may be y
  T* y;
  i64 count;      // of threads' pieces
  Divider packs;  // of a pixel
  Divider width;
  Divider height;
  NearestAxis down;
  NearestAxis along;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 pixel = packs.quotient(static_cast<u32>(i));
      u32 pack = static_cast<u32>(i) - pixel * packs.divisor;
      u32 line = width.quotient(pixel);
      u32 image = height.quotient(line);
      int row = down.source(static_cast<int>(line - image * height.divisor));
      int column = along.source(static_cast<int>(pixel - line * width.divisor));
      i64 source = (static_cast<i64>(image) * down.from + row) * along.from + column;
      Pack<T, Width> values = reinterpret_cast<const Pack<T, Width>*>(x)[source * packs.divisor + pack];
      if (addend != nullptr) {
        Pack<T, Width> others = reinterpret_cast<const Pack<T, Width>*>(addend)[i];
        for (int j = 0; j < Width; j++) {
          values.at[j] = from_float<T>(to_float(others.at[j]) + to_float(values.at[j]));
        }
      }
      reinterpret_cast<Pack<T, Width>*>(y)[i] = values;
    }
  }
};

// Each source sums the gradients of its copies: no atomics, and a fixed order.
template <typename T, int Width>
struct UpsampleNearestBackward {
  const T* dy;
  const T* addend;  // or null; may be dx
  T* dx;
  i64 count;
  Divider packs;
  Divider width;
  Divider height;
  NearestAxis down;
  NearestAxis along;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 pixel = packs.quotient(static_cast<u32>(i));
      u32 pack = static_cast<u32>(i) - pixel * packs.divisor;
      u32 line = width.quotient(pixel);
      u32 image = height.quotient(line);
      int row = static_cast<int>(line - image * height.divisor);
      int column = static_cast<int>(pixel - line * width.divisor);
      int bottom = down.start(row + 1);
      int left = along.start(column);
      int right = along.start(column + 1);
      float sum[Width] = {};
      for (int a = down.start(row); a < bottom; a++) {
        i64 start = (static_cast<i64>(image) * down.to + a) * along.to;
        for (int b = left; b < right; b++) {
          Pack<T, Width> slopes = reinterpret_cast<const Pack<T, Width>*>(dy)[(start + b) * packs.divisor + pack];
          for (int j = 0; j < Width; j++) {
            sum[j] += to_float(slopes.at[j]);
          }
        }
      }
      if (addend != nullptr) {
        Pack<T, Width> others = reinterpret_cast<const Pack<T, Width>*>(addend)[i];
        for (int j = 0; j < Width; j++) {
          sum[j] += to_float(others.at[j]);
        }
      }
      Pack<T, Width> result;
      for (int j = 0; j < Width; j++) {
        result.at[j] = from_float<T>(sum[j]);
      }
      reinterpret_cast<Pack<T, Width>*>(dx)[i] = result;
    }
  }
};

template <typename T>
using UpsampleNearestNarrow = UpsampleNearest<T, 1>;
template <typename T>
using UpsampleNearestWide = UpsampleNearest<T, Wide<T>::size>;
template <typename T>
using UpsampleNearestBackwardNarrow = UpsampleNearestBackward<T, 1>;
template <typename T>
using UpsampleNearestBackwardWide = UpsampleNearestBackward<T, Wide<T>::size>;
KERNEL_FLOATS(upsample_nearest, UpsampleNearestNarrow, 256)
KERNEL_FLOATS(upsample_nearest_wide, UpsampleNearestWide, 256)
KERNEL_FLOATS(upsample_nearest_backward, UpsampleNearestBackwardNarrow, 256)
KERNEL_FLOATS(upsample_nearest_backward_wide, UpsampleNearestBackwardWide, 256)
