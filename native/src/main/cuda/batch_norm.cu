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
  ChannelCoefficients results;
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
struct NormalizedMaps {
  const T* x;
  const T* residual;  // or null
  T* y;

  // Takes the rows of a thread
  __device__ void write(const ReversedTiles& tiles, i64 channel, const Affine (&affine)[Width], bool relu) const {
    for (i64 row = tiles.last_row(); row >= tiles.first_row(); row -= tiles.tiles.row_step()) {
      i64 at = row * tiles.tiles.channels + channel;
      Pack<T, Width> pack = *reinterpret_cast<const Pack<T, Width>*>(x + at);
      Pack<T, Width> other = {};
      if (residual != nullptr) {
        other = *reinterpret_cast<const Pack<T, Width>*>(residual + at);
      }
      for (int j = 0; j < Width; j++) {
        float value = affine[j](to_float(pack.at[j]));
        value += to_float(other.at[j]);
        pack.at[j] = from_float<T>(relu && value <= 0 ? 0.0f : value);
      }
      *reinterpret_cast<Pack<T, Width>*>(y + at) = pack;
    }
  }
};

template <typename T, int Width>
struct Normalize {
  NormalizedMaps<T, Width> maps;
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
    maps.write(tiles, channel, affine, relu != 0);
  }
};

// The same from sums that are there of values less the running mean, and of the squares of that. Each block finds the mean and the
// variance of its channels; the last one moves the running statistics, which nobody reads any more.
template <typename T, int Width>
struct SummedNormalize {
  NormalizedMaps<T, Width> maps;
  ChannelResults results;
  const float* sums;  // [2,C]
  u32* arrived;       // [strips], for is_last_block
  float eps;
  float momentum;
  ReversedTiles tiles;
  int relu;

  __device__ Moments moments(i64 c) const {
    double of_channel[2] = {sums[c], sums[tiles.tiles.channels + c]};
    Moments moments(of_channel, static_cast<double>(tiles.tiles.rows));
    moments.mean += results.running_mean[c];
    return moments;
  }

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    if (channel < tiles.tiles.channels) {
      Affine affine[Width];
      for (int j = 0; j < Width; j++) {
        Moments found = moments(channel + j);
        affine[j] = results.affine(channel + j, found.mean, found.variance, eps);
      }
      maps.write(tiles, channel, affine, relu != 0);
    }
    if (is_last_block(arrived + blockIdx.y, gridDim.x) && tiles.tiles.has_own_channel<Width>(tiles.strip())) {
      i64 c = tiles.tiles.own_channel<Width>(tiles.strip());
      Moments found = moments(c);
      results.write(c, found.mean, found.variance, static_cast<double>(tiles.tiles.rows), eps, momentum);
    }
  }
};

// dx = scale (dy - mean(dy) - xhat mean(dy xhat)) as one sum of dy, x and a constant
struct Slopes {
  float of_gradient;
  float of_input;
  float constant;

  __device__ Slopes() {}
  __device__ Slopes(const ChannelNorm& norm, i64 c, double sum, double product, double count) {
    double inverse = norm.inv_std[c];
    double scale = norm.weight[c] * inverse;
    double slope = -scale * inverse * inverse * product / count;
    of_gradient = static_cast<float>(scale);
    of_input = static_cast<float>(slope);
    constant = static_cast<float>(-scale * sum / count - slope * norm.mean[c]);
  }

  __device__ float operator()(float gradient, float input) const { return input * of_input + constant + gradient * of_gradient; }
};

// The gradients of a norm's parameters, added to
struct ParameterGradients {
  float* d_weight;  // or null
  float* d_bias;    // or null

  __device__ void add(const ChannelNorm& norm, i64 c, double sum, double product) const {
    if (d_weight != nullptr) {
      d_weight[c] = static_cast<float>(d_weight[c] + product * norm.inv_std[c]);
      d_bias[c] = static_cast<float>(d_bias[c] + sum);
    }
  }
};

struct FinishGradients {
  ParameterGradients parameters;
  float* coefficients;  // [4,C]: of dy, which is the factor of Affine, of x, constant, the addend of Affine
  i64 rows;

  __device__ void operator()(const ChannelNorm& norm, i64 c, i64 channels, double sum, double product) const {
    Slopes slopes(norm, c, sum, product, static_cast<double>(rows));
    coefficients[c] = slopes.of_gradient;
    coefficients[channels + c] = slopes.of_input;
    coefficients[2 * channels + c] = slopes.constant;
    coefficients[3 * channels + c] = norm.affine(c).addend;
    parameters.add(norm, c, sum, product);
  }
};

template <typename T, int Width>
struct GradientMaps {
  const T* x;
  const T* dy;
  T* dx;

  // Takes the rows of a thread; unmasked if there is no affine
  __device__ void write(const ReversedTiles& tiles, i64 channel, const Slopes (&slopes)[Width], const Affine (*affine)[Width]) const {
    for (i64 row = tiles.last_row(); row >= tiles.first_row(); row -= tiles.tiles.row_step()) {
      i64 at = row * tiles.tiles.channels + channel;
      Pack<T, Width> input = *reinterpret_cast<const Pack<T, Width>*>(x + at);
      Pack<T, Width> gradient = *reinterpret_cast<const Pack<T, Width>*>(dy + at);
      if (affine != nullptr) {
        mask(*affine, input, gradient);
      }
      for (int j = 0; j < Width; j++) {
        input.at[j] = from_float<T>(slopes[j](to_float(gradient.at[j]), to_float(input.at[j])));
      }
      *reinterpret_cast<Pack<T, Width>*>(dx + at) = input;
    }
  }
};

template <typename T, int Width, bool Masked>
struct InputGradient {
  GradientMaps<T, Width> maps;
  const float* coefficients;  // [3,C], or [4,C] if Masked
  ReversedTiles tiles;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    i64 channels = tiles.tiles.channels;
    if (channel >= channels) {
      return;
    }
    Slopes slopes[Width];
    Affine affine[Width];
    for (int j = 0; j < Width; j++) {
      slopes[j].of_gradient = coefficients[channel + j];
      slopes[j].of_input = coefficients[channels + channel + j];
      slopes[j].constant = coefficients[2 * channels + channel + j];
      affine[j].factor = slopes[j].of_gradient;
      if constexpr (Masked) {
        affine[j].addend = coefficients[3 * channels + channel + j];
      }
    }
    maps.write(tiles, channel, slopes, Masked ? &affine : nullptr);
  }
};

// The same, and the parameters' gradients, from sums that are there of a masked gradient
template <typename T, int Width>
struct SummedInputGradient {
  GradientMaps<T, Width> maps;
  ChannelNorm norm;
  ParameterGradients parameters;
  const float* sums;  // [2,C]
  ReversedTiles tiles;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    i64 channels = tiles.tiles.channels;
    if (channel >= channels) {
      return;
    }
    Slopes slopes[Width];
    for (int j = 0; j < Width; j++) {
      i64 c = channel + j;
      slopes[j] = Slopes(norm, c, sums[c], sums[channels + c], static_cast<double>(tiles.tiles.rows));
      // one thread for each channel
      if (tiles.first_row() == 0) {
        parameters.add(norm, c, sums[c], sums[channels + c]);
      }
    }
    maps.write(tiles, channel, slopes, nullptr);
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
CHANNEL_KERNELS(batch_norm_normalize_summed, SummedNormalize)
CHANNEL_KERNELS(batch_norm_gradient_sums, PlainGradientSums)
CHANNEL_KERNELS(batch_norm_gradient_sums_masked, MaskedGradientSums)
CHANNEL_KERNELS(batch_norm_input_gradient, PlainInputGradient)
CHANNEL_KERNELS(batch_norm_input_gradient_masked, MaskedInputGradient)
CHANNEL_KERNELS(batch_norm_input_gradient_summed, SummedInputGradient)
