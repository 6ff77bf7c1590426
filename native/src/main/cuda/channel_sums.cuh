// How blocks share a map [rows,C], and sums of its channels over all rows.
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
  // Where each thread has one channel of the block's strip: at most as many as there are threads.
  template <int Width>
  __device__ i64 own_channel(u32 strip) const {
    return static_cast<i64>(strip) * lanes() * Width + threadIdx.x;
  }
  template <int Width>
  __device__ bool has_own_channel(u32 strip) const {
    return threadIdx.x < lanes() * Width && own_channel<Width>(strip) < channels;
  }
};

// Adds what the threads of a block have for the same channels; each thread gets the sum of its own channel. Ends with a barrier, so
// that it can be called again.
template <int Width>
__device__ double strip_sum(const Tiles& tiles, const double (&values)[Width]) {
  __shared__ double sums[Width * THREADS];
  for (int j = 0; j < Width; j++) {
    sums[j * THREADS + threadIdx.x] = values[j];
  }
  for (u32 half = THREADS / 2; half >= tiles.lanes(); half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      for (int j = 0; j < Width; j++) {
        sums[j * THREADS + threadIdx.x] += sums[j * THREADS + threadIdx.x + half];
      }
    }
  }
  __syncthreads();
  double sum = threadIdx.x < tiles.lanes() * Width ? sums[threadIdx.x % Width * THREADS + threadIdx.x / Width] : 0;
  __syncthreads();
  return sum;
}

// Sums of each channel over all rows, so many for each. Every block writes its part; the last block of a group adds up the group's
// parts, and the last of those the groups. So no block has much to read, and the order of each sum is the same whichever is last.
template <int Sums>
struct ChannelSums {
  double* partial;  // [parts + groups, Sums, C]
  u32* arrived;     // [strips, groups + 1], for is_last_block
  i64 group;        // parts of a group

  template <int Width>
  __device__ void write(const Tiles& tiles, i64 part, const double (&totals)[Sums]) const {
    if (tiles.has_own_channel<Width>(blockIdx.y)) {
      double* to = partial + part * Sums * tiles.channels + tiles.own_channel<Width>(blockIdx.y);
      for (int i = 0; i < Sums; i++) {
        to[i * static_cast<i64>(tiles.channels)] = totals[i];
      }
    }
  }

  template <int Width>
  __device__ static void add_threads(const Tiles& tiles, const double (&values)[Sums][Width], double (&totals)[Sums]) {
    for (int i = 0; i < Sums; i++) {
      totals[i] = strip_sum<Width>(tiles, values[i]);
    }
  }

  template <int Width>
  __device__ void add_parts(const Tiles& tiles, i64 begin, i64 end, double (&totals)[Sums]) const {
    double values[Sums][Width] = {};
    i64 channel = tiles.channel<Width>();
    if (channel < tiles.channels) {
      for (i64 part = begin + (threadIdx.x >> tiles.lanes_log2); part < end; part += tiles.row_step()) {
        for (int i = 0; i < Sums; i++) {
          const double* from = partial + (part * Sums + i) * tiles.channels + channel;
          for (int j = 0; j < Width; j++) {
            // past the first cache, which may have what other blocks wrote as it was before
            values[i][j] += __ldcg(from + j);
          }
        }
      }
    }
    add_threads<Width>(tiles, values, totals);
  }

  // Adds what the threads of all blocks have, and calls finish(channel, channels, totals) once for each channel.
  template <int Width, typename Finish>
  __device__ void add(const Tiles& tiles, const double (&values)[Sums][Width], const Finish& finish) const {
    i64 parts = gridDim.x;
    i64 groups = (parts + group - 1) / group;
    i64 own = blockIdx.x / group;
    i64 begin = own * group;
    i64 end = begin + group < parts ? begin + group : parts;
    u32* counters = arrived + blockIdx.y * (groups + 1);
    double totals[Sums];
    add_threads<Width>(tiles, values, totals);
    write<Width>(tiles, blockIdx.x, totals);
    if (!is_last_block(counters + own, static_cast<u32>(end - begin))) {
      return;
    }
    add_parts<Width>(tiles, begin, end, totals);
    if (groups > 1) {
      write<Width>(tiles, parts + own, totals);
      if (!is_last_block(counters + groups, static_cast<u32>(groups))) {
        return;
      }
      add_parts<Width>(tiles, parts, parts + groups, totals);
    }
    if (tiles.has_own_channel<Width>(blockIdx.y)) {
      finish(tiles.own_channel<Width>(blockIdx.y), tiles.channels, totals);
    }
  }
};

// The kernels of a structure <element, channels of a thread>: for one channel and for those of 16 bytes
#define CHANNEL_KERNELS(name, arguments)             \
  template <typename T>                              \
  using arguments##Narrow = arguments<T, 1>;         \
  template <typename T>                              \
  using arguments##Wide = arguments<T, Wide<T>::size>; \
  KERNEL_FLOATS(name, arguments##Narrow, THREADS)    \
  KERNEL_FLOATS(name##_wide, arguments##Wide, THREADS)
