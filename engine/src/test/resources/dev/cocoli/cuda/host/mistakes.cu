// Kernels that are wrong, and how each shows where they run on the host: EmulationTest, SanitizerTest.
#include "cocoli.cuh"

// What all of them take
struct Mistake {
  int* y;  // [blockDim.x]
  int count;
};

// No mistake: y is reversed
struct Reversed : Mistake {
  __device__ void operator()() const {
    __shared__ int values[1024];
    values[threadIdx.x] = y[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = values[count - 1 - threadIdx.x];
  }
};
KERNEL(reversed, Reversed, 1024)

struct MissingBarrier : Mistake {
  __device__ void operator()() const {
    __shared__ int values[1024];
    values[threadIdx.x] = y[threadIdx.x];
    y[threadIdx.x] = values[count - 1 - threadIdx.x];
  }
};
KERNEL(missing_barrier, MissingBarrier, 1024)

struct DivergentBarrier : Mistake {
  __device__ void operator()() const {
    if (threadIdx.x % 2 == 0) {
      __syncthreads();
    }
  }
};
KERNEL(divergent_barrier, DivergentBarrier, 1024)

struct GoneLane : Mistake {
  __device__ void operator()() const {
    if (threadIdx.x % WARP == 5) {
      return;
    }
    y[threadIdx.x] = __shfl_sync(FULL_WARP, y[threadIdx.x], 0);
  }
};
KERNEL(gone_lane, GoneLane, 1024)

struct LaneOutsideTheMask : Mistake {
  __device__ void operator()() const {
    if (threadIdx.x % WARP < 16) {
      y[threadIdx.x] = __shfl_sync(0xffffu, y[threadIdx.x], 20);
    }
  }
};
KERNEL(lane_outside_the_mask, LaneOutsideTheMask, 1024)

struct NotInItsOwnMask : Mistake {
  __device__ void operator()() const {
    y[threadIdx.x] = static_cast<int>(__ballot_sync(0xffffu, 1));
  }
};
KERNEL(not_in_its_own_mask, NotInItsOwnMask, 1024)

struct BeyondTheEnd : Mistake {
  __device__ void operator()() const { y[threadIdx.x + 1] = 1; }
};
KERNEL(beyond_the_end, BeyondTheEnd, 1024)

struct BeyondSharedMemory : Mistake {
  __device__ void operator()() const {
    DYNAMIC_SHARED(int, values);
    values[threadIdx.x] = 1;
  }
};
KERNEL(beyond_shared_memory, BeyondSharedMemory, 1024)

struct NotAligned : Mistake {
  __device__ void operator()() const {
    *reinterpret_cast<Wide<float>*>(y + 1) = Wide<float>{};
  }
};
KERNEL(not_aligned, NotAligned, 1024)
