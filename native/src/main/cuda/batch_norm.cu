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
#include "cocoli.cuh"

constexpr u32 THREADS = 256;

// How a block's threads share its part of the map. blockIdx.x counts the rows' parts, blockIdx.y the strips of channels.
struct Tiles {
  i64 rows;
  i64 rows_a_block;
  int channels;
  int lanes_log2;  // threads along a row; the others have other rows

  __device__ u32 lane() const { return threadIdx.x & ((1u << lanes_log2) - 1); }
  __device__ u32 lanes() const { return 1u << lanes_log2; }
  __device__ i64 row_step() const { return THREADS >> lanes_log2; }
  __device__ i64 first_row(u32 part) const { return static_cast<i64>(part) * rows_a_block + (threadIdx.x >> lanes_log2); }
  __device__ i64 first_row() const { return first_row(blockIdx.x); }
  __device__ i64 end_row(u32 part) const {
    i64 end = (static_cast<i64>(part) + 1) * rows_a_block;
    return end < rows ? end : rows;
  }
  __device__ i64 end_row() const { return end_row(blockIdx.x); }
  template <int Width>
  __device__ i64 channel(u32 strip) const {
    return (static_cast<i64>(strip) * lanes() + lane()) * Width;
  }
  template <int Width>
  __device__ i64 channel() const {
    return channel<Width>(blockIdx.y);
  }
};

// The same in the reverse order. Blocks begin in the order of their numbers, those along x first.
struct ReversedTiles {
  Tiles tiles;

  __device__ u32 part() const { return gridDim.x - 1 - blockIdx.x; }
  // A multiple of the step after the first row; less than that if there is no row.
  __device__ i64 last_row() const {
    i64 last = tiles.end_row(part()) - 1;
    return last - ((last - first_row()) & (tiles.row_step() - 1));
  }
  __device__ i64 first_row() const { return tiles.first_row(part()); }
  template <int Width>
  __device__ i64 channel() const {
    return tiles.channel<Width>(gridDim.y - 1 - blockIdx.y);
  }
};

// What normalises a channel. The backward pass finds the same bits from what the forward pass keeps.
struct Affine {
  float factor;
  float addend;

  __device__ Affine() {}
  __device__ Affine(float weight, float bias, float mean, float inv_std) {
    double scale = static_cast<double>(inv_std) * weight;
    factor = static_cast<float>(scale);
    addend = static_cast<float>(bias - mean * scale);
  }

  __device__ float operator()(float x) const { return x * factor + addend; }
};

// Clears the gradients of elements whose y is not positive, where y = activation(affine(x)): so a norm without a residual needs no y.
template <typename T, int Width>
__device__ void mask(const Affine (&affine)[Width], const Pack<T, Width>& x, Pack<T, Width>& slope) {
  for (int j = 0; j < Width; j++) {
    // rounded as y is, since what is positive may be 0 in bf16
    if (!(to_float(from_float<T>(affine[j](to_float(x.at[j])))) > 0)) {
      slope.at[j] = T{};
    }
  }
}

// Adds what the threads of a block have for the same channels, and writes it as the block's part: [parts,2,C] of doubles.
template <int Width>
__device__ void write_parts(const Tiles& tiles, i64 channel, const double (&first)[Width], const double (&second)[Width],
                            double* partial) {
  __shared__ double sums[Width * THREADS];
  double* part = partial + static_cast<i64>(blockIdx.x) * 2 * tiles.channels;
  for (int which = 0; which < 2; which++) {
    for (int j = 0; j < Width; j++) {
      sums[j * THREADS + threadIdx.x] = which == 0 ? first[j] : second[j];
    }
    for (u32 half = THREADS / 2; half >= tiles.lanes(); half /= 2) {
      __syncthreads();
      if (threadIdx.x < half) {
        for (int j = 0; j < Width; j++) {
          sums[j * THREADS + threadIdx.x] += sums[j * THREADS + threadIdx.x + half];
        }
      }
    }
    if (threadIdx.x < tiles.lanes() && channel < tiles.channels) {
      for (int j = 0; j < Width; j++) {
        part[which * static_cast<i64>(tiles.channels) + channel + j] = sums[j * THREADS + threadIdx.x];
      }
    }
    __syncthreads();
  }
}

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

// The sums of 4 channels over all parts, for the first 4 threads of the block; 64 threads share a channel's parts. Four doubles
// are a sector.
struct PartSums {
  static constexpr u32 CHANNELS = 4;

  const double* partial;  // [parts,2,C]
  i64 parts;
  i64 channels;

  __device__ i64 channel() const { return static_cast<i64>(blockIdx.x) * CHANNELS + threadIdx.x % CHANNELS; }

  __device__ bool has_total() const { return threadIdx.x < CHANNELS && channel() < channels; }

  __device__ void total(double& first, double& second) const {
    __shared__ double sums[2][THREADS];
    first = 0;
    second = 0;
    if (channel() < channels) {
      for (i64 part = threadIdx.x / CHANNELS; part < parts; part += THREADS / CHANNELS) {
        first += partial[part * 2 * channels + channel()];
        second += partial[(part * 2 + 1) * channels + channel()];
      }
    }
    sums[0][threadIdx.x] = first;
    sums[1][threadIdx.x] = second;
    for (u32 half = THREADS / 2; half >= CHANNELS; half /= 2) {
      __syncthreads();
      if (threadIdx.x < half) {
        sums[0][threadIdx.x] += sums[0][threadIdx.x + half];
        sums[1][threadIdx.x] += sums[1][threadIdx.x + half];
      }
    }
    first = sums[0][threadIdx.x];
    second = sums[1][threadIdx.x];
  }
};

// What becomes of a channel's mean and variance: kept for the backward pass, for inference, and to normalise by
struct ChannelResults {
  const float* weight;
  const float* bias;
  float* running_mean;
  float* running_var;
  float* mean;
  float* inv_std;
  float* coefficients;  // [2,C]: factor, addend

  __device__ static void move(float& running, double value, double momentum) {
    running = static_cast<float>(running * (1 - momentum) + momentum * value);
  }

  __device__ void write(i64 c, i64 channels, double exact, double variance, double count, float eps, float momentum) const {
    double inverse = 1 / sqrt(variance + eps);
    mean[c] = static_cast<float>(exact);
    inv_std[c] = static_cast<float>(inverse);
    move(running_mean[c], exact, momentum);
    move(running_var[c], count > 1 ? variance * count / (count - 1) : variance, momentum);
    Affine affine(weight[c], bias[c], mean[c], inv_std[c]);
    coefficients[c] = affine.factor;
    coefficients[channels + c] = affine.addend;
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

// ---- in pieces, between which replicas join what each has

// A replica's own statistics of each channel: [2C+1] means, biased variances, values a channel
struct WriteStatistics {
  PartSums sums;
  float* statistics;
  i64 rows;

  __device__ void operator()() const {
    double sum;
    double square;
    sums.total(sum, square);
    if (!sums.has_total()) {
      return;
    }
    i64 c = sums.channel();
    double count = static_cast<double>(rows);
    double mean = sum / count;
    double variance = square / count - mean * mean;
    statistics[c] = static_cast<float>(mean);
    statistics[sums.channels + c] = static_cast<float>(variance < 0 ? 0.0 : variance);
    if (c == 0) {
      statistics[2 * sums.channels] = static_cast<float>(rows);
    }
  }
};
KERNEL(batch_norm_write_statistics, WriteStatistics, THREADS)

// How many values of a channel all replicas have together
__device__ inline double joint_count(const float* statistics, i64 replicas, i64 channels) {
  double count = 0;
  for (i64 r = 0; r < replicas; r++) {
    count += statistics[r * (2 * channels + 1) + 2 * channels];
  }
  return count;
}

// What FinishStatistics does, from the statistics [R,2C+1] of all replicas (Chan, Golub and LeVeque 1979)
struct JoinStatistics {
  const float* statistics;
  ChannelResults results;
  i64 replicas;
  i64 channels;
  float eps;
  float momentum;

  __device__ void operator()() const {
    i64 width = 2 * channels + 1;
    double count = joint_count(statistics, replicas, channels);
    for (i64 c = first_piece(); c < channels; c += piece_stride()) {
      double exact = 0;
      for (i64 r = 0; r < replicas; r++) {
        exact += statistics[r * width + 2 * channels] / count * statistics[r * width + c];
      }
      double variance = 0;
      for (i64 r = 0; r < replicas; r++) {
        double difference = statistics[r * width + c] - exact;
        variance += statistics[r * width + 2 * channels] / count *
                    (statistics[r * width + channels + c] + difference * difference);
      }
      results.write(c, channels, exact, variance, count, eps, momentum);
    }
  }
};
KERNEL(batch_norm_join_statistics, JoinStatistics, THREADS)

// The sums [2,C] that replicas add up, and the parameters' gradients of this one
struct WriteGradientSums {
  PartSums sums;
  const float* inv_std;
  float* written;
  float* d_weight;  // or null
  float* d_bias;    // or null

  __device__ void operator()() const {
    double sum;
    double product;
    sums.total(sum, product);
    if (!sums.has_total()) {
      return;
    }
    i64 c = sums.channel();
    written[c] = static_cast<float>(sum);
    written[sums.channels + c] = static_cast<float>(product);
    if (d_weight != nullptr) {
      d_weight[c] = static_cast<float>(d_weight[c] + product * inv_std[c]);
      d_bias[c] = static_cast<float>(d_bias[c] + sum);
    }
  }
};
KERNEL(batch_norm_write_gradient_sums, WriteGradientSums, THREADS)

// What FinishGradients does for the input, from the sums of all replicas
struct JoinGradients {
  const float* statistics;  // [R,2C+1], for the number of values
  const float* sums;        // [2,C]
  const float* weight;
  const float* mean;
  const float* inv_std;
  float* coefficients;  // [3,C]: of dy, of x, constant
  i64 replicas;
  i64 channels;

  __device__ void operator()() const {
    double count = joint_count(statistics, replicas, channels);
    for (i64 c = first_piece(); c < channels; c += piece_stride()) {
      double inverse = inv_std[c];
      double scale = weight[c] * inverse;
      double slope = -scale * inverse * inverse * sums[channels + c] / count;
      coefficients[c] = static_cast<float>(scale);
      coefficients[channels + c] = static_cast<float>(slope);
      coefficients[2 * channels + c] = static_cast<float>(-scale * sums[c] / count - slope * mean[c]);
    }
  }
};
KERNEL(batch_norm_join_gradients, JoinGradients, THREADS)

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
