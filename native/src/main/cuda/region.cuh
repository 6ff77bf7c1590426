// What the kernels that pool regions share, and sums that do not depend on their order.
#pragma once

#include "cocoli.cuh"

// A float as an int, so far from the limits that sums and differences of a few do not overflow; NaN is 0.
__device__ inline int to_int(float x) {
  constexpr float LIMIT = 536870912.0f;
  return x == x ? static_cast<int>(fminf(fmaxf(x, -LIMIT), LIMIT)) : 0;
}

template <typename T, int N>
__device__ inline void load(const T* from, float (&values)[N]) {
  Pack<T, N> pack = *reinterpret_cast<const Pack<T, N>*>(from);
  for (int i = 0; i < N; i++) {
    values[i] = to_float(pack.at[i]);
  }
}

template <typename T, int N>
__device__ inline void store(const float (&values)[N], T* into) {
  Pack<T, N> pack;
  for (int i = 0; i < N; i++) {
    pack.at[i] = from_float<T>(values[i]);
  }
  *reinterpret_cast<Pack<T, N>*>(into) = pack;
}

// Adds neighbours, each by itself an atomic addition: the order of the sums is not fixed, so that their last bits may change from
// run to run.
template <int N>
__device__ inline void add_atomically(float* into, const float (&values)[N]) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900  // the host has it too
  constexpr int STEP = N % 4 == 0 ? 4 : 1;
#else
  constexpr int STEP = 1;
#endif
  for (int i = 0; i < N; i += STEP) {
    if constexpr (STEP == 4) {
      atomicAdd(reinterpret_cast<float4*>(into + i), make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]));
    } else {
      atomicAdd(into + i, values[i]);
    }
  }
}

// The place of an element of [R, bins, bins, C], where threads count N channels as one.
struct BinPlace {
  u32 roi;
  u32 row;
  u32 column;
  u32 pack;  // of the channels

  __device__ BinPlace(u32 i, const Divider& packs, const Divider& bins) {
    u32 bin = packs.quotient(i);
    pack = i - bin * packs.divisor;
    u32 rows = bins.quotient(bin);
    column = bin - rows * bins.divisor;
    roi = bins.quotient(rows);
    row = rows - roi * bins.divisor;
  }
};

// ---- sums that do not depend on their order

// 2^exponent as a product, for exponents of which half is one of a float.
struct PowerOfTwo {
  float first;
  float second;

  __device__ explicit PowerOfTwo(int exponent) {
    int half = exponent >> 1;
    first = __int_as_float((half + 127) << 23);
    second = __int_as_float((exponent - half + 127) << 23);
  }

  // Exact but for what a float cannot hold.
  __device__ float times(float x) const { return x * first * second; }
};

// Gradients as whole numbers of a unit, whose sum is the same in whatever order they are added.
//
// An element of dy goes to the pixels with weights whose sum is at most 1: along one axis the two weights of a sample are 1 /
// samples together (RoIAlign), or the one pixel gets it all (RoIPool). So what a pixel is given by R regions is at most R * bins *
// bins times the largest |dy|. With R * bins * bins <= 2^headroom and |dy| < 2^exponent, and 2^(exponent + headroom - 62) for the
// unit, that is 2^62 units: half of what fits. The other half is for roundings: those of the weights, some 2^-22 of the sum, and
// that of each addend to the unit, half a unit for each of fewer than 2^60.
//
// The resolution for 1000 regions with 7 x 7 bins (2^16) is 2^-46 of the largest |dy|, where fp32 has 2^-24; it is 2^-31 for as
// many as a kernel counts. Addends are rounded to fp32 before, as those of the atomic sums are.
struct FixedPoint {
  const u32* largest;  // bits of the largest |dy|
  int headroom;

  // Where one gradient is infinite or NaN there is no unit, and all sums are NaN.
  __device__ bool has_unit() const { return *largest < 0x7f800000u; }

  __device__ int units_exponent() const { return 62 - headroom - (static_cast<int>(*largest >> 23) - 126); }

  // What a gradient is multiplied by to be in units.
  __device__ PowerOfTwo units() const { return PowerOfTwo(units_exponent()); }

  // What units are multiplied by.
  __device__ PowerOfTwo unit() const { return PowerOfTwo(-units_exponent()); }
};

// A negative number wraps around, and the sum does again.
__device__ inline void add_units(u64* into, float units) { atomicAdd(into, static_cast<u64>(__float2ll_rn(units))); }
