// What the kernels of batch normalisation share.
#pragma once

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
