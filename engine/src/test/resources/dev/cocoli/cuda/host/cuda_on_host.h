// What CUDA has built in, for kernels that a host's C++ compiler compiles: the tests run every kernel on the CPU. A block's threads
// are fibers of the calling thread, which change places at barriers, shuffles and votes only, in an order that is drawn anew for
// each block, so that a missing barrier shows. Blocks run one after the other, in an order that is drawn for each launch. What CUDA leaves undefined is an error here: a barrier or a shuffle that not all
// reach, a lane that is asked for but gone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __shared__ static
#define __grid_constant__
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};

struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }

namespace on_host {

// Where the running thread is.
struct Place {
  dim3 thread, block, block_size, grid_size;
  unsigned lane;
};
extern Place place;

void sync_block();
int sync_block_or(int predicate);
int sync_block_count(int predicate);
void sync_warp(unsigned mask);
// Passes 8 bytes from lane to lane; source is the lane that is read.
uint64_t exchange(unsigned mask, uint64_t value, unsigned source);
unsigned ballot(unsigned mask, bool predicate);
unsigned largest(unsigned mask, unsigned value);
void* dynamic_shared();

using Kernel = void (*)(const void* arguments);

struct Registration {
  Registration(const char* name, Kernel kernel, size_t argument_bytes);
};

template <typename T>
T exchange_value(unsigned mask, T value, unsigned source) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable<T>::value, "at most 8 bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = exchange(mask, bits, source);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace on_host

#define threadIdx (on_host::place.thread)
#define blockIdx (on_host::place.block)
#define blockDim (on_host::place.block_size)
#define gridDim (on_host::place.grid_size)
constexpr int warpSize = 32;

#define COCOLI_REGISTER(name, arguments)                              \
  static on_host::Registration registration_##name(                   \
      #name, [](const void* bytes) { name(*static_cast<const arguments*>(bytes)); }, sizeof(arguments));

// Memory whose size the launch decides.
#define DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(on_host::dynamic_shared())

inline void __syncthreads() { on_host::sync_block(); }
inline int __syncthreads_or(int predicate) { return on_host::sync_block_or(predicate); }
inline int __syncthreads_count(int predicate) { return on_host::sync_block_count(predicate); }
inline int __syncthreads_and(int predicate) { return !on_host::sync_block_or(!predicate); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { on_host::sync_warp(mask); }

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  unsigned lane = on_host::place.lane;
  return on_host::exchange_value(mask, value, (lane & ~(width - 1u)) + (unsigned(source) & (width - 1u)));
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
  unsigned lane = on_host::place.lane;
  unsigned source = lane ^ unsigned(lanes);
  return on_host::exchange_value(mask, value, (source & ~(width - 1u)) > (lane & ~(width - 1u)) ? lane : source);
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32) {
  unsigned lane = on_host::place.lane;
  return on_host::exchange_value(mask, value, (lane & (width - 1u)) + lanes < unsigned(width) ? lane + lanes : lane);
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32) {
  unsigned lane = on_host::place.lane;
  return on_host::exchange_value(mask, value, (lane & (width - 1u)) >= lanes ? lane - lanes : lane);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) { return on_host::ballot(mask, predicate != 0); }
inline int __any_sync(unsigned mask, int predicate) { return on_host::ballot(mask, predicate != 0) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return on_host::ballot(mask, predicate == 0) == 0; }

inline unsigned __reduce_max_sync(unsigned mask, unsigned value) { return on_host::largest(mask, value); }

inline void __threadfence() {}
inline void __threadfence_block() {}

// Only one fiber runs at a time, so that reading and writing are not torn apart.
template <typename T, typename U>
T atomicAdd(T* address, U value) {
  T before = *address;
  *address = static_cast<T>(before + static_cast<T>(value));
  return before;
}
inline unsigned atomicInc(unsigned* address, unsigned most) {
  unsigned before = *address;
  *address = before >= most ? 0 : before + 1;
  return before;
}
template <typename T, typename U>
T atomicMax(T* address, U value) {
  T before = *address;
  *address = std::max(before, static_cast<T>(value));
  return before;
}
template <typename T, typename U>
T atomicMin(T* address, U value) {
  T before = *address;
  *address = std::min(before, static_cast<T>(value));
  return before;
}
template <typename T, typename U>
T atomicOr(T* address, U value) {
  T before = *address;
  *address = before | static_cast<T>(value);
  return before;
}
template <typename T, typename U>
T atomicAnd(T* address, U value) {
  T before = *address;
  *address = before & static_cast<T>(value);
  return before;
}
template <typename T, typename U>
T atomicExch(T* address, U value) {
  T before = *address;
  *address = static_cast<T>(value);
  return before;
}
template <typename T, typename U, typename V>
T atomicCAS(T* address, U expected, V value) {
  T before = *address;
  if (before == static_cast<T>(expected)) {
    *address = static_cast<T>(value);
  }
  return before;
}

template <typename T>
T __ldg(const T* address) {
  return *address;
}
template <typename T>
T __ldcg(const T* address) {
  return *address;
}

// Time passes whenever it is asked for.
inline long long clock64() {
  static long long cycles = 0;
  return cycles += 10000;
}

template <typename To, typename From>
To bits_of(From from) {
  static_assert(sizeof(To) == sizeof(From), "as many bytes");
  To to;
  std::memcpy(&to, &from, sizeof(To));
  return to;
}
inline float __uint_as_float(unsigned x) { return bits_of<float>(x); }
inline unsigned __float_as_uint(float x) { return bits_of<unsigned>(x); }
inline float __int_as_float(int x) { return bits_of<float>(x); }
inline int __float_as_int(float x) { return bits_of<int>(x); }

inline unsigned __umulhi(unsigned x, unsigned y) { return unsigned((uint64_t(x) * y) >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return (unsigned long long)(((unsigned __int128)(x)*y) >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll((unsigned long long)(x)); }
inline unsigned __brev(unsigned x) {
  unsigned reversed = 0;
  for (int i = 0; i < 32; i++) {
    reversed |= ((x >> i) & 1u) << (31 - i);
  }
  return reversed;
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline long long __float2ll_rn(float x) { return std::llrint(x); }
inline float __ll2float_rn(long long x) { return static_cast<float>(x); }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }

// Overloads as CUDA has them, for mixed signedness too.
template <typename T>
T min(T x, T y) {
  return y < x ? y : x;
}
template <typename T>
T max(T x, T y) {
  return x < y ? y : x;
}
