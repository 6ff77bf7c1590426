// Batch normalisation in training over x [rows,C], by channel, and its gradient. Java: BatchNormKernels.
//
// Bound by memory, so each pass reads its inputs once: a pass that sums, whose last blocks finish the sums of each channel, and a
// pass that writes. Both passes cut the map alike: a block has a strip of channels and some rows; its threads have neighbouring
// channels (Width, 1 or those of 16 bytes) of every so many rows, 64 at most. A thread sums in single precision, differences from
// the first value that it reads, so that nothing cancels where the mean is far from 0; all beyond is summed in double precision, in
// a fixed order (the parallel form of Chan, Golub and LeVeque 1983 with shifted data; atomics count blocks only).
//
// The pass that writes takes blocks and rows in the reverse order of the pass that sums: the cache then still has what that read
// last.
#include "batch_norm.cuh"

// Mean and deviation of each channel, the running statistics, and the factor and addend that normalise
struct FinishStatistics {
  ChannelResults results;
  i64 rows;
  float eps;
  float momentum;

  __device__ void operator()(i64 c, i64 channels, const double (&sums)[2]) const {
    double count = static_cast<double>(rows);
    Moments moments(sums, count);
    results.write(c, channels, moments.mean, moments.variance, count, eps, momentum);
  }
};

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

// The parameters' gradients, and dx = scale (dy - mean(dy) - xhat mean(dy xhat)) as one sum of dy, x and a constant
struct FinishGradients {
  float* d_weight;      // or null
  float* d_bias;        // or null
  float* coefficients;  // [4,C]: of dy, which is the factor of Affine, of x, constant, the addend of Affine
  i64 rows;

  __device__ void operator()(const ChannelNorm& norm, i64 c, i64 channels, double sum, double product) const {
    double count = static_cast<double>(rows);
    double inverse = norm.inv_std[c];
    double scale = norm.weight[c] * inverse;
    double slope = -scale * inverse * inverse * product / count;
    Affine affine = norm.affine(c);
    coefficients[c] = affine.factor;
    coefficients[channels + c] = static_cast<float>(slope);
    coefficients[2 * channels + c] = static_cast<float>(-scale * sum / count - slope * norm.mean[c]);
    coefficients[3 * channels + c] = affine.addend;
    if (d_weight != nullptr) {
      d_weight[c] = static_cast<float>(d_weight[c] + product * inverse);
      d_bias[c] = static_cast<float>(d_bias[c] + sum);
    }
  }
};

// The same from sums that are there
struct FinishSummed {
  ChannelNorm norm;
  FinishGradients finish;
  const float* sums;  // [2,C]
  i64 channels;

  __device__ void operator()() const {
    for (i64 c = first_piece(); c < channels; c += piece_stride()) {
      finish(norm, c, channels, sums[c], sums[channels + c]);
    }
  }
};
KERNEL(batch_norm_finish_gradients, FinishSummed, THREADS)

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

template <typename T, int Width>
using OwnStatistics = Statistics<T, Width, FinishStatistics>;
template <typename T, int Width>
using PlainGradientSums = GradientSums<T, Width, false, FinishGradients>;
template <typename T, int Width>
using MaskedGradientSums = GradientSums<T, Width, true, FinishGradients>;
template <typename T, int Width>
using PlainInputGradient = InputGradient<T, Width, false>;
template <typename T, int Width>
using MaskedInputGradient = InputGradient<T, Width, true>;
CHANNEL_KERNELS(batch_norm_statistics, OwnStatistics)
CHANNEL_KERNELS(batch_norm_normalize, Normalize)
CHANNEL_KERNELS(batch_norm_gradient_sums, PlainGradientSums)
CHANNEL_KERNELS(batch_norm_gradient_sums_masked, MaskedGradientSums)
CHANNEL_KERNELS(batch_norm_input_gradient, PlainInputGradient)
CHANNEL_KERNELS(batch_norm_input_gradient_masked, MaskedInputGradient)
