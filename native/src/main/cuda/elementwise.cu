// Sums and masks of arrays, and the operations after a convolution that its kernel does not fuse. Java: ElementwiseKernels.
#include "channel_sums.cuh"

// y = a + b
template <typename T>
struct Add {
  const T* a;
  const T* b;
  T* y;
  i64 count;

  __device__ void operator()() const {
    i64 wide = is_wide(a) && is_wide(b) && is_wide(y) ? count / Wide<T>::size : 0;
    for (i64 i = first_piece(); i < wide; i += piece_stride()) {
      WideFloats<T> left;
      WideFloats<T> right;
      left.load(reinterpret_cast<const Wide<T>*>(a)[i]);
      right.load(reinterpret_cast<const Wide<T>*>(b)[i]);
      for (int j = 0; j < Wide<T>::size; j++) {
        left.at[j] += right.at[j];
      }
      reinterpret_cast<Wide<T>*>(y)[i] = left.pack();
    }
    for (i64 i = wide * Wide<T>::size + first_piece(); i < count; i += piece_stride()) {
      y[i] = from_float<T>(to_float(a[i]) + to_float(b[i]));
    }
  }
};
KERNEL_FLOATS(add, Add, 256)

// dy = dy + addend where y is positive, else 0
template <typename T>
struct ReluBackward {
  const T* y;
  const T* addend;  // or null
  T* dy;
  i64 count;

  __device__ void operator()() const {
    bool aligned = is_wide(y) && is_wide(dy) && (addend == nullptr || is_wide(addend));
    i64 wide = aligned ? count / Wide<T>::size : 0;
    for (i64 i = first_piece(); i < wide; i += piece_stride()) {
      WideFloats<T> output;
      output.load(reinterpret_cast<const Wide<T>*>(y)[i]);
      WideFloats<T> gradient;
      gradient.load(reinterpret_cast<Wide<T>*>(dy)[i]);
      WideFloats<T> other = {};
      if (addend != nullptr) {
        other.load(reinterpret_cast<const Wide<T>*>(addend)[i]);
      }
      for (int j = 0; j < Wide<T>::size; j++) {
        gradient.at[j] = output.at[j] > 0 ? gradient.at[j] + other.at[j] : 0.0f;
      }
      reinterpret_cast<Wide<T>*>(dy)[i] = gradient.pack();
    }
    for (i64 i = wide * Wide<T>::size + first_piece(); i < count; i += piece_stride()) {
      float other = addend == nullptr ? 0.0f : to_float(addend[i]);
      dy[i] = from_float<T>(to_float(y[i]) > 0 ? to_float(dy[i]) + other : 0.0f);
    }
  }
};
KERNEL_FLOATS(relu_backward, ReluBackward, 256)

// y = activation(y * scale + shift + residual), per channel, the last axis
template <typename T>
struct Epilogue {
  T* y;
  const float* scale;   // or null
  const float* shift;   // or null
  const T* residual;    // or null
  i64 count;
  Divider channels;
  int relu;

  __device__ float value(float x, u32 channel, float other) const {
    if (scale != nullptr) {
      x *= scale[channel];
    }
    if (shift != nullptr) {
      x += shift[channel];
    }
    x += other;
    return relu != 0 && !(x > 0) ? 0.0f : x;
  }

  __device__ void operator()() const {
    bool aligned = is_wide(y) && (residual == nullptr || is_wide(residual)) && channels.divisor % Wide<T>::size == 0;
    i64 wide = aligned ? count / Wide<T>::size : 0;
    for (i64 i = first_piece(); i < wide; i += piece_stride()) {
      u32 first = static_cast<u32>(i * Wide<T>::size);
      u32 channel = first - channels.quotient(first) * channels.divisor;
      WideFloats<T> x;
      x.load(reinterpret_cast<Wide<T>*>(y)[i]);
      WideFloats<T> other = {};
      if (residual != nullptr) {
        other.load(reinterpret_cast<const Wide<T>*>(residual)[i]);
      }
      for (int j = 0; j < Wide<T>::size; j++) {
        x.at[j] = value(x.at[j], channel + j, other.at[j]);
      }
      reinterpret_cast<Wide<T>*>(y)[i] = x.pack();
    }
    for (i64 i = wide * Wide<T>::size + first_piece(); i < count; i += piece_stride()) {
      u32 at = static_cast<u32>(i);
      u32 channel = at - channels.quotient(at) * channels.divisor;
      y[i] = from_float<T>(value(to_float(y[i]), channel, residual == nullptr ? 0.0f : to_float(residual[i])));
    }
  }
};
KERNEL_FLOATS(epilogue, Epilogue, 256)

// y[n, i * stride, j * stride] += x[n, i, j]. A thread has neighbouring channels of one pixel of x.
template <typename T, int Width>
struct AddAtStride {
  const T* x;  // [N,h,w,C]
  T* y;        // [N,H,W,C]
  i64 count;   // of threads' pieces
  Divider packs;
  Divider width;
  Divider height;
  int y_height;
  int y_width;
  int stride;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 pixel = packs.quotient(static_cast<u32>(i));
      u32 pack = static_cast<u32>(i) - pixel * packs.divisor;
      u32 line = width.quotient(pixel);
      u32 image = height.quotient(line);
      i64 row = static_cast<i64>(image) * y_height + (line - image * height.divisor) * stride;
      i64 at = row * y_width + (pixel - line * width.divisor) * stride;
      Pack<T, Width> values = reinterpret_cast<const Pack<T, Width>*>(x)[i];
      Pack<T, Width>& target = reinterpret_cast<Pack<T, Width>*>(y)[at * packs.divisor + pack];
      Pack<T, Width> sums = target;
      for (int j = 0; j < Width; j++) {
        sums.at[j] = from_float<T>(to_float(sums.at[j]) + to_float(values.at[j]));
      }
      target = sums;
    }
  }
};
CHANNEL_KERNELS(add_at_stride, AddAtStride)

// The sums of the columns of [R,C], added to a vector
struct AddToVector {
  float* y;  // [C]

  __device__ void operator()(i64 c, i64, const double (&sums)[1]) const { y[c] += static_cast<float>(sums[0]); }
};
template <typename T, int Width>
struct ColumnSums {
  const T* x;
  ChannelSums<1> totals;
  Tiles tiles;
  AddToVector finish;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    double sums[1][Width] = {};
    if (channel < tiles.channels) {
      float sum[Width] = {};
      for (i64 row = tiles.first_row(); row < tiles.end_row(); row += tiles.row_step()) {
        Pack<T, Width> pack = *reinterpret_cast<const Pack<T, Width>*>(x + row * tiles.channels + channel);
        for (int j = 0; j < Width; j++) {
          sum[j] += to_float(pack.at[j]);
        }
      }
      for (int j = 0; j < Width; j++) {
        sums[0][j] = sum[j];
      }
    }
    totals.add<Width>(tiles, sums, finish);
  }
};
CHANNEL_KERNELS(add_column_sums, ColumnSums)

// y = x * scale, with a factor for each row of [R,C], for many tensors at once. Blocks count through the pieces of all of them.
template <typename T>
struct ScaleRows {
  static constexpr int MOST = 100;
  static constexpr u32 PIECE = 8192;

  struct Rows {
    const float* x;
    const float* scale;  // or null for 1
    T* y;
    u32 count;
    u32 columns;
    u32 first_block;
    u32 unused;
  };

  Rows all[MOST];
  i64 tensors;

  __device__ void operator()() const {
    constexpr u32 size = 4;
    const Rows& rows = own_part(all, tensors);
    u32 begin = (blockIdx.x - rows.first_block) * PIECE;
    u32 end = begin + min(PIECE, rows.count - begin);
    bool aligned = is_wide(rows.x) && reinterpret_cast<u64>(rows.y) % (size * sizeof(T)) == 0;
    u32 wide_end = aligned ? begin + (end - begin) / size * size : begin;
    for (u32 i = begin + threadIdx.x * size; i < wide_end; i += blockDim.x * size) {
      Pack<float, size> source = *reinterpret_cast<const Pack<float, size>*>(rows.x + i);
      Pack<T, size> target;
      for (u32 j = 0; j < size; j++) {
        float factor = rows.scale == nullptr ? 1 : rows.scale[(i + j) / rows.columns];
        target.at[j] = from_float<T>(source.at[j] * factor);
      }
      *reinterpret_cast<Pack<T, size>*>(rows.y + i) = target;
    }
    for (u32 i = wide_end + threadIdx.x; i < end; i += blockDim.x) {
      float factor = rows.scale == nullptr ? 1 : rows.scale[i / rows.columns];
      rows.y[i] = from_float<T>(rows.x[i] * factor);
    }
  }
};
KERNEL_FLOATS(scale_rows, ScaleRows, 256)

// y += x * scale, with a factor for each row of [R,C]
template <typename T>
struct AddScaledRows {
  const T* x;
  const float* scale;  // or null for 1
  float* y;
  i64 count;
  Divider columns;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      float factor = scale == nullptr ? 1 : scale[columns.quotient(static_cast<u32>(i))];
      y[i] += to_float(x[i]) * factor;
    }
  }
};
KERNEL_FLOATS(add_scaled_rows, AddScaledRows, 256)
