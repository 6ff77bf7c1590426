// Finds the unit of sums of whole numbers, and turns them into floats. Java: FixedPointSums.
#include "region.cuh"

// The largest |dy| of all regions but those that only pad: a block takes a region. The order of floats that are not negative is
// that of their bits, and NaN comes after infinity.
template <typename T>
struct LargestGradient {
  const T* dy;
  const float* rois;  // [R,5]
  u32* largest;       // cleared before
  i64 size;           // of a region in dy

  __device__ void operator()() const {
    __shared__ u32 of_block;
    if (threadIdx.x == 0) {
      of_block = 0;
    }
    __syncthreads();
    i64 region = blockIdx.x;
    u32 most = 0;
    if (to_int(rois[5 * region]) >= 0) {
      for (i64 i = threadIdx.x; i < size; i += blockDim.x) {
        most = max(most, __float_as_uint(to_float(dy[region * size + i])) & 0x7fffffffu);
      }
    }
    most = __reduce_max_sync(FULL_WARP, most);
    if (threadIdx.x % WARP == 0) {
      atomicMax(&of_block, most);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      atomicMax(largest, of_block);
    }
  }
};
KERNEL_FLOATS(largest_gradient, LargestGradient, 256)

template <typename T>
struct FixedToFloat {
  const i64* sums;
  T* y;
  i64 count;
  FixedPoint fixed;

  __device__ void operator()() const {
    bool has_unit = fixed.has_unit();
    PowerOfTwo unit = fixed.unit();
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      y[i] = from_float<T>(has_unit ? unit.times(__ll2float_rn(sums[i])) : __uint_as_float(0x7fc00000u));
    }
  }
};
KERNEL_FLOATS(fixed_to_float, FixedToFloat, 256)
