// Maximum over windows of maps [N,H,W,C], and its gradient. Java: PoolingKernels.
#include "cocoli.cuh"

// A thread has neighbouring channels of one pixel: Width is how many, 1 or those of 16 bytes.
template <typename T, int Width>
struct MaxPool2d {
  const T* x;
  T* y;
  u8* argmax;  // or null
  i64 count;   // of threads' pieces
  int height;
  int width;
  Divider packs;  // of a pixel
  Divider out_width;
  Divider out_height;
  int kernel;
  int stride;
  int padding;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 pixel = packs.quotient(static_cast<u32>(i));
      u32 pack = static_cast<u32>(i) - pixel * packs.divisor;
      u32 line = out_width.quotient(pixel);
      u32 image = out_height.quotient(line);
      int top = static_cast<int>(line - image * out_height.divisor) * stride - padding;
      int left = static_cast<int>(pixel - line * out_width.divisor) * stride - padding;
      const Pack<T, Width>* from =
          reinterpret_cast<const Pack<T, Width>*>(x) + static_cast<i64>(image) * height * width * packs.divisor + pack;
      float best[Width];
      Pack<u8, Width> place;
      bool first = true;
      for (int a = 0; a < kernel; a++) {
        int row = top + a;
        if (row < 0 || row >= height) {
          continue;
        }
        for (int b = 0; b < kernel; b++) {
          int column = left + b;
          if (column < 0 || column >= width) {
            continue;
          }
          Pack<T, Width> values = from[(static_cast<i64>(row) * width + column) * packs.divisor];
          for (int j = 0; j < Width; j++) {
            float value = to_float(values.at[j]);
            // what is not a number wins, as in torch
            if (first || value > best[j] || value != value) {
              best[j] = value;
              place.at[j] = static_cast<u8>(a * kernel + b);
            }
          }
          first = false;
        }
      }
      Pack<T, Width> result;
      for (int j = 0; j < Width; j++) {
        result.at[j] = from_float<T>(best[j]);
      }
      reinterpret_cast<Pack<T, Width>*>(y)[i] = result;
      if (argmax != nullptr) {
        reinterpret_cast<Pack<u8, Width>*>(argmax)[i] = place;
      }
    }
  }
};

// Each pixel sums the gradients of the windows that it has won: no atomics, and a fixed order.
template <typename T, int Width>
struct MaxPool2dBackward {
  const T* dy;
  const u8* argmax;
  T* dx;
  i64 count;
  int out_height;
  int out_width;
  Divider packs;
  Divider width;
  Divider height;
  Divider stride;
  int kernel;
  int padding;

  // The first window that a place is in, where it is counted from the padding's edge.
  __device__ int first_window(int place) const {
    return place < kernel ? 0 : static_cast<int>(stride.quotient(static_cast<u32>(place - kernel))) + 1;
  }

  __device__ int last_window(int place, int windows) const {
    int last = static_cast<int>(stride.quotient(static_cast<u32>(place)));
    return last < windows ? last : windows - 1;
  }

  __device__ void operator()() const {
    int step = static_cast<int>(stride.divisor);
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 pixel = packs.quotient(static_cast<u32>(i));
      u32 pack = static_cast<u32>(i) - pixel * packs.divisor;
      u32 line = width.quotient(pixel);
      u32 image = height.quotient(line);
      int row = static_cast<int>(line - image * height.divisor) + padding;
      int column = static_cast<int>(pixel - line * width.divisor) + padding;
      i64 start = static_cast<i64>(image) * out_height * out_width * packs.divisor + pack;
      const Pack<T, Width>* slopes = reinterpret_cast<const Pack<T, Width>*>(dy) + start;
      const Pack<u8, Width>* winners = reinterpret_cast<const Pack<u8, Width>*>(argmax) + start;
      float sum[Width] = {};
      int bottom = last_window(row, out_height);
      int right = last_window(column, out_width);
      for (int a = first_window(row); a <= bottom; a++) {
        for (int b = first_window(column); b <= right; b++) {
          i64 at = (static_cast<i64>(a) * out_width + b) * packs.divisor;
          int place = (row - a * step) * kernel + column - b * step;
          Pack<u8, Width> winner = winners[at];
          Pack<T, Width> slope = slopes[at];
          for (int j = 0; j < Width; j++) {
            if (winner.at[j] == place) {
              sum[j] += to_float(slope.at[j]);
            }
          }
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
using MaxPool2dNarrow = MaxPool2d<T, 1>;
template <typename T>
using MaxPool2dWide = MaxPool2d<T, Wide<T>::size>;
template <typename T>
using MaxPool2dBackwardNarrow = MaxPool2dBackward<T, 1>;
template <typename T>
using MaxPool2dBackwardWide = MaxPool2dBackward<T, Wide<T>::size>;
KERNEL_FLOATS(max_pool2d, MaxPool2dNarrow, 256)
KERNEL_FLOATS(max_pool2d_wide, MaxPool2dWide, 256)
KERNEL_FLOATS(max_pool2d_backward, MaxPool2dBackwardNarrow, 256)
KERNEL_FLOATS(max_pool2d_backward_wide, MaxPool2dBackwardWide, 256)
