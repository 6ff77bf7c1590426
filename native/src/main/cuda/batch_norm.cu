// Batch normalisation in training over x [rows,C], by channel, and its gradient. Java: BatchNormKernels.
//
// Bound by memory, so each pass reads its inputs once: a pass that sums, a small one that finishes the sums of each channel, a pass
// that writes. Both large passes cut the map alike: a block has a strip of channels and some rows; its threads have neighbouring
// channels (Width, 1 or those of 16 bytes) of every so many rows, 64 at most. A thread sums in single precision, differences from
// the first value that it reads, so that nothing cancels where the mean is far from 0; all beyond is summed in double precision, in
// a fixed order (the parallel form of Chan, Golub and LeVeque 1983 with shifted data; no atomics).
//
// The pass that writes takes blocks and rows in the reverse order of the pass that sums: the cache then still has what that read
// last.
#include "batch_norm.cuh"

// Sums of x and of its squares
template <typename T, int Width>
struct Statistics {
  const T* x;
  double* partial;
  Tiles tiles;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    double sums[Width] = {};
    double squares[Width] = {};
    i64 row = tiles.first_row();
    if (channel < tiles.channels && row < tiles.end_row()) {
      float shift[Width];
      float sum[Width] = {};
      float square[Width] = {};
      Pack<T, Width> pack = *reinterpret_cast<const Pack<T, Width>*>(x + row * tiles.channels + channel);
      for (int j = 0; j < Width; j++) {
        shift[j] = to_float(pack.at[j]);
      }
      int count = 1;
      for (row += tiles.row_step(); row < tiles.end_row(); row += tiles.row_step()) {
        pack = *reinterpret_cast<const Pack<T, Width>*>(x + row * tiles.channels + channel);
        for (int j = 0; j < Width; j++) {
          float difference = to_float(pack.at[j]) - shift[j];
          sum[j] += difference;
          square[j] += difference * difference;
        }
        count++;
      }
      for (int j = 0; j < Width; j++) {
        double centre = shift[j];
        double total = sum[j];
        sums[j] = total + count * centre;
        squares[j] = square[j] + (2 * total + count * centre) * centre;
      }
    }
    write_parts<Width>(tiles, channel, sums, squares, partial);
  }
};

// Mean and deviation of each channel, the running statistics, and the factor and addend that normalise
struct FinishStatistics {
  PartSums sums;
  ChannelResults results;
  i64 rows;
  float eps;
  float momentum;

  __device__ void operator()() const {
    double sum;
    double square;
    sums.total(sum, square);
    if (!sums.has_total()) {
      return;
    }
    i64 c = sums.channel();
    double count = static_cast<double>(rows);
    double exact = sum / count;
    double variance = square / count - exact * exact;
    // not fmax, which would hide what is not a number
    variance = variance < 0 ? 0.0 : variance;
    results.write(c, sums.channels, exact, variance, count, eps, momentum);
  }
};
KERNEL(batch_norm_finish, FinishStatistics, THREADS)

// y = activation(x * factor + addend + residual)
template <typename T, int Width>
struct Normalize {
  const T* x;
  const T* residual;  // or null
  T* y;
  const float* coefficients;  // [2,C]
  ReversedTiles tiles;
  int relu;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    i64 channels = tiles.tiles.channels;
    if (channel >= channels) {
      return;
    }
    Affine affine[Width];
    for (int j = 0; j < Width; j++) {
      affine[j].factor = coefficients[channel + j];
      affine[j].addend = coefficients[channels + channel + j];
    }
    for (i64 row = tiles.last_row(); row >= tiles.first_row(); row -= tiles.tiles.row_step()) {
      i64 at = row * channels + channel;
      Pack<T, Width> pack = *reinterpret_cast<const Pack<T, Width>*>(x + at);
      Pack<T, Width> other = {};
      if (residual != nullptr) {
        other = *reinterpret_cast<const Pack<T, Width>*>(residual + at);
      }
      for (int j = 0; j < Width; j++) {
        float value = affine[j](to_float(pack.at[j]));
        value += to_float(other.at[j]);
        pack.at[j] = from_float<T>(relu != 0 && value <= 0 ? 0.0f : value);
      }
      *reinterpret_cast<Pack<T, Width>*>(y + at) = pack;
    }
  }
};

// Sums of the gradient before the activation and of its products with x less the mean. dy becomes that gradient if there is y;
// Masked finds it from x, and does not store it.
template <typename T, int Width, bool Masked>
struct GradientSums {
  const T* x;
  const T* y;  // or null
  T* dy;
  const float* weight;  // this and the bias are read if Masked
  const float* bias;
  const float* mean;
  const float* inv_std;
  double* partial;
  Tiles tiles;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    double sums[Width] = {};
    double products[Width] = {};
    if (channel < tiles.channels) {
      float centre[Width];
      float sum[Width] = {};
      float product[Width] = {};
      Affine affine[Width];
      for (int j = 0; j < Width; j++) {
        centre[j] = mean[channel + j];
        if constexpr (Masked) {
          affine[j] = Affine(weight[channel + j], bias[channel + j], centre[j], inv_std[channel + j]);
        }
      }
      for (i64 row = tiles.first_row(); row < tiles.end_row(); row += tiles.row_step()) {
        i64 at = row * tiles.channels + channel;
        Pack<T, Width> slope = *reinterpret_cast<const Pack<T, Width>*>(dy + at);
        Pack<T, Width> pack = *reinterpret_cast<const Pack<T, Width>*>(x + at);
        if constexpr (Masked) {
          mask(affine, pack, slope);
        } else if (y != nullptr) {
          Pack<T, Width> output = *reinterpret_cast<const Pack<T, Width>*>(y + at);
          for (int j = 0; j < Width; j++) {
            if (!(to_float(output.at[j]) > 0)) {
              slope.at[j] = T{};
            }
          }
          *reinterpret_cast<Pack<T, Width>*>(dy + at) = slope;
        }
        for (int j = 0; j < Width; j++) {
          float value = to_float(slope.at[j]);
          sum[j] += value;
          product[j] += (to_float(pack.at[j]) - centre[j]) * value;
        }
      }
      for (int j = 0; j < Width; j++) {
        sums[j] = sum[j];
        products[j] = product[j];
      }
    }
    write_parts<Width>(tiles, channel, sums, products, partial);
  }
};

// The parameters' gradients, and dx = scale (dy - mean(dy) - xhat mean(dy xhat)) as one sum of dy, x and a constant
struct FinishGradients {
  PartSums sums;
  const float* weight;
  const float* bias;
  const float* mean;
  const float* inv_std;
  float* d_weight;      // or null
  float* d_bias;        // or null
  float* coefficients;  // [4,C]: of dy, which is the factor of Affine, of x, constant, the addend of Affine
  i64 rows;

  __device__ void operator()() const {
    double sum;
    double product;
    sums.total(sum, product);
    if (!sums.has_total()) {
      return;
    }
    i64 c = sums.channel();
    double count = static_cast<double>(rows);
    double inverse = inv_std[c];
    double scale = weight[c] * inverse;
    double slope = -scale * inverse * inverse * product / count;
    Affine affine(weight[c], bias[c], mean[c], inv_std[c]);
    coefficients[c] = affine.factor;
    coefficients[sums.channels + c] = static_cast<float>(slope);
    coefficients[2 * sums.channels + c] = static_cast<float>(-scale * sum / count - slope * mean[c]);
    coefficients[3 * sums.channels + c] = affine.addend;
    if (d_weight != nullptr) {
      d_weight[c] = static_cast<float>(d_weight[c] + product * inverse);
      d_bias[c] = static_cast<float>(d_bias[c] + sum);
    }
  }
};
KERNEL(batch_norm_finish_gradients, FinishGradients, THREADS)

template <typename T, int Width, bool Masked>
struct InputGradient {
  const T* x;
  const T* dy;
  T* dx;
  const float* coefficients;  // [3,C], or [4,C] if Masked
  ReversedTiles tiles;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    i64 channels = tiles.tiles.channels;
    if (channel >= channels) {
      return;
    }
    float of_input[Width];
    float constant[Width];
    Affine affine[Width];
    for (int j = 0; j < Width; j++) {
      affine[j].factor = coefficients[channel + j];
      of_input[j] = coefficients[channels + channel + j];
      constant[j] = coefficients[2 * channels + channel + j];
      if constexpr (Masked) {
        affine[j].addend = coefficients[3 * channels + channel + j];
      }
    }
    for (i64 row = tiles.last_row(); row >= tiles.first_row(); row -= tiles.tiles.row_step()) {
      i64 at = row * channels + channel;
      Pack<T, Width> pack = *reinterpret_cast<const Pack<T, Width>*>(x + at);
      Pack<T, Width> slope = *reinterpret_cast<const Pack<T, Width>*>(dy + at);
      if constexpr (Masked) {
        mask(affine, pack, slope);
      }
      for (int j = 0; j < Width; j++) {
        float value = to_float(pack.at[j]) * of_input[j] + constant[j];
        pack.at[j] = from_float<T>(value + to_float(slope.at[j]) * affine[j].factor);
      }
      *reinterpret_cast<Pack<T, Width>*>(dx + at) = pack;
    }
  }
};

// scale = weight / sqrt(var + eps), shift = bias - mean * scale
struct FoldBatchNorm {
  const float* weight;
  const float* bias;
  const float* mean;
  const float* var;
  float* scale;
  float* shift;
  i64 channels;
  float eps;

  __device__ void operator()() const {
    for (i64 c = first_piece(); c < channels; c += piece_stride()) {
      float factor = weight[c] * (1 / sqrtf(var[c] + eps));
      scale[c] = factor;
      shift[c] = bias[c] - mean[c] * factor;
    }
  }
};
KERNEL(fold_batch_norm, FoldBatchNorm, THREADS)

#define BATCH_NORM_KERNELS(name, arguments)                       \
  template <typename T>                                           \
  using arguments##Narrow = arguments<T, 1>;                      \
  template <typename T>                                           \
  using arguments##Wide = arguments<T, Wide<T>::size>;            \
  KERNEL_FLOATS(batch_norm_##name, arguments##Narrow, THREADS)    \
  KERNEL_FLOATS(batch_norm_##name##_wide, arguments##Wide, THREADS)
template <typename T, int Width>
using PlainGradientSums = GradientSums<T, Width, false>;
template <typename T, int Width>
using MaskedGradientSums = GradientSums<T, Width, true>;
template <typename T, int Width>
using PlainInputGradient = InputGradient<T, Width, false>;
template <typename T, int Width>
using MaskedInputGradient = InputGradient<T, Width, true>;
BATCH_NORM_KERNELS(statistics, Statistics)
BATCH_NORM_KERNELS(normalize, Normalize)
BATCH_NORM_KERNELS(gradient_sums, PlainGradientSums)
BATCH_NORM_KERNELS(gradient_sums_masked, MaskedGradientSums)
BATCH_NORM_KERNELS(input_gradient, PlainInputGradient)
BATCH_NORM_KERNELS(input_gradient_masked, MaskedInputGradient)
