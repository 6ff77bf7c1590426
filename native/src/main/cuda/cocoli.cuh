// What every kernel file includes. It needs no other header, so that NVRTC compiles it anywhere; the tests compile it for the
// host, with the built-ins of CUDA from a header of theirs.
//
// A kernel is a structure: its fields are the kernel's arguments, in the order in which KernelCall writes them, and its operator()
// is what one thread does. KERNEL gives it the name by which it is launched.
#pragma once

typedef long long i64;
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

#ifndef COCOLI_REGISTER
#define COCOLI_REGISTER(name, arguments)
#endif

// A kernel that runs with blocks of at most so many threads.
#define KERNEL(name, arguments, threads)                                                                    \
  extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ arguments parameters) { \
    parameters();                                                                                           \
  }                                                                                                         \
  COCOLI_REGISTER(name, arguments)

// The two kernels of a template: name_f32 and name_bf16.
#define KERNEL_FLOATS(name, arguments, threads)   \
  KERNEL(name##_f32, arguments<float>, threads)   \
  KERNEL(name##_bf16, arguments<Bf16>, threads)

constexpr u32 WARP = 32;
constexpr u32 FULL_WARP = 0xffffffffu;

// ---- elements

// The upper half of a float.
struct Bf16 {
  u16 bits;
};

__device__ inline float to_float(float x) { return x; }

__device__ inline float to_float(Bf16 x) { return __uint_as_float(static_cast<u32>(x.bits) << 16); }

template <typename T>
__device__ T from_float(float x);

template <>
__device__ inline float from_float<float>(float x) {
  return x;
}

// Rounds to the nearest, ties to even.
template <>
__device__ inline Bf16 from_float<Bf16>(float x) {
#ifdef __CUDA_ARCH__
  u16 bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return Bf16{bits};
#else
  u32 bits = __float_as_uint(x);
  if (x != x) {
    return Bf16{0x7fff};
  }
  return Bf16{static_cast<u16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
#endif
}

// Neighbours that are read and written by one instruction.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  static constexpr int size = N;
  T at[N];
};

// As many elements as fit the widest access, 16 bytes.
template <typename T>
using Wide = Pack<T, 16 / sizeof(T)>;

// The same number of floats as Wide<T> has elements.
template <typename T>
struct WideFloats {
  static constexpr int size = Wide<T>::size;
  float at[size];

  __device__ void load(const Wide<T>& pack) {
    for (int i = 0; i < size; i++) {
      at[i] = to_float(pack.at[i]);
    }
  }

  __device__ Wide<T> pack() const {
    Wide<T> pack;
    for (int i = 0; i < size; i++) {
      pack.at[i] = from_float<T>(at[i]);
    }
    return pack;
  }
};

template <typename T>
__device__ inline bool is_wide(const T* pointer) {
  return reinterpret_cast<u64>(pointer) % 16 == 0;
}

// ---- which pieces a thread works on, where the grid is one-dimensional

__device__ inline i64 first_piece() { return static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; }

__device__ inline i64 piece_stride() { return static_cast<i64>(gridDim.x) * blockDim.x; }

// Division by a number that is the same for all threads: a multiplication and a shift (Granlund and Montgomery 1994, section 4).
// For dividends below 2^31; KernelCall.divider writes it.
struct Divider {
  u32 divisor;
  u32 multiplier;
  u32 shift;

  __device__ u32 quotient(u32 dividend) const {
    return (__umulhi(dividend, multiplier) + dividend) >> shift;
  }
};

// ---- sums over threads

__device__ inline float warp_sum(float x) {
  for (u32 distance = WARP / 2; distance > 0; distance /= 2) {
    x += __shfl_xor_sync(FULL_WARP, x, distance);
  }
  return x;
}

__device__ inline double warp_sum(double x) {
  for (u32 distance = WARP / 2; distance > 0; distance /= 2) {
    x += __shfl_xor_sync(FULL_WARP, x, distance);
  }
  return x;
}

__device__ inline float warp_max(float x) {
  for (u32 distance = WARP / 2; distance > 0; distance /= 2) {
    x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, distance));
  }
  return x;
}

// The sum of all threads' values, for every thread; the block is whole warps, in one dimension. Begins and ends with a barrier,
// so that it can be called again.
template <typename T>
__device__ inline T block_sum(T x) {
  __shared__ T partial[WARP];
  __shared__ T total;
  x = warp_sum(x);
  __syncthreads();
  if (threadIdx.x % WARP == 0) {
    partial[threadIdx.x / WARP] = x;
  }
  __syncthreads();
  if (threadIdx.x < WARP) {
    T sum = warp_sum(threadIdx.x < blockDim.x / WARP ? partial[threadIdx.x] : T(0));
    if (threadIdx.x == 0) {
      total = sum;
    }
  }
  __syncthreads();
  return total;
}

// The sum of the values of all threads before each one, and of all; the block is whole warps, in one dimension. Begins with a
// barrier, so that it can be called again.
__device__ inline u32 block_exclusive_sum(u32 x, u32& total) {
  __shared__ u32 sums[WARP];
  u32 lane = threadIdx.x % WARP;
  u32 warp = threadIdx.x / WARP;
  u32 warps = blockDim.x / WARP;
  u32 inclusive = x;
  for (u32 distance = 1; distance < WARP; distance *= 2) {
    u32 before = __shfl_up_sync(FULL_WARP, inclusive, distance);
    inclusive += lane >= distance ? before : 0;
  }
  __syncthreads();
  if (lane == WARP - 1) {
    sums[warp] = inclusive;
  }
  __syncthreads();
  if (warp == 0) {
    u32 sum = lane < warps ? sums[lane] : 0;
    for (u32 distance = 1; distance < WARP; distance *= 2) {
      u32 before = __shfl_up_sync(FULL_WARP, sum, distance);
      sum += lane >= distance ? before : 0;
    }
    sums[lane] = sum;
  }
  __syncthreads();
  total = sums[warps - 1];
  return inclusive - x + (warp == 0 ? 0 : sums[warp - 1]);
}

// ---- many pieces of work in one kernel

// The part that this block is of, by bisection: blocks count through all parts, and each part knows its first.
template <typename Part>
__device__ inline const Part& own_part(const Part* all, i64 parts) {
  int low = 0;
  int high = static_cast<int>(parts);
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (all[middle].first_block <= blockIdx.x) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return all[low];
}

// ---- what the last of many blocks does

// Whether so many blocks have come here, this one as the last of them: the same for all its threads, which then see what the other
// blocks wrote before they came. The counter is 0 before the first block and after the last, for the next kernel and for a replay.
// (The barrier puts the writes of the block before the fence of its first thread, and that puts them before the count, as a grid's
// barrier of cooperative groups does. Where the count is read, it is the other way round.)
__device__ inline bool is_last_block(u32* arrived, u32 blocks) {
  __shared__ bool is_last;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    is_last = atomicInc(arrived, blocks - 1) == blocks - 1;
    __threadfence();
  }
  __syncthreads();
  return is_last;
}

// The sum of what all threads of a grid have, for the last block: returns whether it is this one. The order of the sum is the same
// whichever block is last. The grid has one dimension; partial [gridDim.x] is scratch memory.
__device__ inline bool grid_sum(double x, double* partial, u32* arrived, double& total) {
  x = block_sum(x);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = x;
  }
  if (!is_last_block(arrived, gridDim.x)) {
    return false;
  }
  double sum = 0;
  for (u32 i = threadIdx.x; i < gridDim.x; i += blockDim.x) {
    sum += __ldcg(partial + i);
  }
  total = block_sum(sum);
  return true;
}

// A place after those that were taken before, for each lane that wants one: one addition for the whole warp, all of whose lanes
// come here.
__device__ inline int take_place(int* taken, bool wanted) {
  u32 lane = threadIdx.x % WARP;
  u32 takers = __ballot_sync(FULL_WARP, wanted);
  int first = 0;
  if (lane == 0 && takers != 0) {
    first = atomicAdd(taken, __popc(takers));
  }
  first = __shfl_sync(FULL_WARP, first, 0);
  return first + __popc(takers & ((1u << lane) - 1));
}
