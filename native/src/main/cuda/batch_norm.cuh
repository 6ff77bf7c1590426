// What the kernels of batch normalisation share.
#pragma once

#include "channel_sums.cuh"

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
  __device__ u32 strip() const { return gridDim.y - 1 - blockIdx.y; }
  template <int Width>
  __device__ i64 channel() const {
    return tiles.channel<Width>(strip());
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

// The parameters of a norm and the statistics that it normalises by, [C] each
struct ChannelNorm {
  const float* weight;
  const float* bias;
  const float* mean;
  const float* inv_std;

  __device__ Affine affine(i64 c) const { return Affine(weight[c], bias[c], mean[c], inv_std[c]); }
};

// Mean and biased variance of a channel's values, from their sum and that of their squares
struct Moments {
  double mean;
  double variance;

  __device__ Moments(const double (&sums)[2], double count) {
    mean = sums[0] / count;
    variance = sums[1] / count - mean * mean;
    // not fmax, which would hide what is not a number
    variance = variance < 0 ? 0.0 : variance;
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

  __device__ static double inverse(double variance, float eps) { return 1 / sqrt(variance + eps); }

  __device__ Affine affine(i64 c, double exact, double variance, float eps) const {
    return Affine(weight[c], bias[c], static_cast<float>(exact), static_cast<float>(inverse(variance, eps)));
  }

  __device__ static void move(float& running, double value, double momentum) {
    running = static_cast<float>(running * (1 - momentum) + momentum * value);
  }

  __device__ void write(i64 c, double exact, double variance, double count, float eps, float momentum) const {
    mean[c] = static_cast<float>(exact);
    inv_std[c] = static_cast<float>(inverse(variance, eps));
    move(running_mean[c], exact, momentum);
    move(running_var[c], count > 1 ? variance * count / (count - 1) : variance, momentum);
  }
};

// The same, with what a kernel of its own normalises by
struct ChannelCoefficients {
  ChannelResults results;
  float* coefficients;  // [2,C]: factor, addend

  __device__ void write(i64 c, i64 channels, double exact, double variance, double count, float eps, float momentum) const {
    results.write(c, exact, variance, count, eps, momentum);
    Affine affine = results.affine(c, exact, variance, eps);
    coefficients[c] = affine.factor;
    coefficients[channels + c] = affine.addend;
  }
};

// Sums of x and of its squares
template <typename T, int Width, typename Finish>
struct Statistics {
  const T* x;
  ChannelSums<2> totals;
  Tiles tiles;
  Finish finish;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    double sums[2][Width] = {};  // of values, of squares
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
        sums[0][j] = total + count * centre;
        sums[1][j] = square[j] + (2 * total + count * centre) * centre;
      }
    }
    totals.add<Width>(tiles, sums, finish);
  }
};

// Sums of the gradient before the activation and of its products with x less the mean. dy becomes that gradient if there is y;
// Masked finds it from x, and does not store it.
template <typename T, int Width, bool Masked, typename Finish>
struct GradientSums {
  const T* x;
  const T* y;  // or null
  T* dy;
  ChannelNorm norm;
  ChannelSums<2> totals;
  Tiles tiles;
  Finish finish;

  __device__ void operator()() const {
    i64 channel = tiles.channel<Width>();
    double sums[2][Width] = {};  // of gradients, of products
    if (channel < tiles.channels) {
      float centre[Width];
      float sum[Width] = {};
      float product[Width] = {};
      Affine affine[Width];
      for (int j = 0; j < Width; j++) {
        centre[j] = norm.mean[channel + j];
        if constexpr (Masked) {
          affine[j] = norm.affine(channel + j);
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
        sums[0][j] = sum[j];
        sums[1][j] = product[j];
      }
    }
    totals.add<Width>(tiles, sums, [&](i64 c, i64 channels, const double (&all)[2]) { finish(norm, c, channels, all[0], all[1]); });
  }
};
