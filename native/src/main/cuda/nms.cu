// Non-maximum suppression. Java: ProposalKernels.
#include "score.cuh"

// The keys of the boxes that take part, in any order. blockIdx.y counts the images.
struct NmsKeys {
  const float* scores;  // [N,K]
  u64* keys;            // [N,K]
  int* counts;          // [N], cleared before
  i64 boxes;            // K

  __device__ void operator()() const {
    i64 row = blockIdx.y * boxes;
    for (i64 first = static_cast<i64>(blockIdx.x) * blockDim.x; first < boxes; first += piece_stride()) {
      i64 i = first + threadIdx.x;
      float score = i < boxes ? scores[row + i] : -1;
      bool taken = score >= 0;
      int place = take_place(&counts[blockIdx.y], taken);
      if (taken) {
        keys[row + place] = score_key(score, static_cast<u32>(i));
      }
    }
  }
};
KERNEL(nms_keys, NmsKeys, 256)

constexpr u32 NMS_BUCKETS = 32;
constexpr u32 NMS_THREADS = 1024;
constexpr u32 NMS_TILE = 64;

// One block for each image and each bucket of groups, a group's number modulo the number of buckets: boxes of different groups
// have nothing to do with each other. The block walks through the boxes from the best score on, a tile of its own at a time: drops
// those that a kept box suppresses; lists for each of the others, as a bit mask, the better ones of the tile that would suppress it
// (torchvision's nms kernel has such masks for all boxes at once); decides by these which are kept; and appends them to the kept
// ones. It ends when it has as many as the result has room for, or no box is left, or when it finds that all blocks together have
// kept so many that no later box can be among the best.
struct NmsSuppress {
  const float* boxes;  // [N,K,4]
  const int* groups;   // [K]
  const u64* keys;     // [N,K], in order
  const int* counts;   // [N]
  float4* kept_boxes;  // [N,NMS_BUCKETS,most]
  int* kept_groups;    // like the kept boxes
  u8* keeps;           // [N,K], in the order of the keys, cleared before
  int* kept_of_chunk;  // [N,K/NMS_THREADS], cleared before: of so many boxes in the order of the keys, by blocks that are through
  i64 room;            // K
  int most;
  float threshold;

  __device__ static float area(const float4& box) { return (box.z - box.x) * (box.w - box.y); }

  // The IoU is rounded as that of torchvision's nms is. Most pairs need no division: where the intersection is less than this bound
  // of a union that is not tiny, roundings do not lift the quotient, whose relative error is 2^-24, over the threshold.
  __device__ bool suppresses(const float4& kept, const float4& box) const {
    constexpr float BOUND = 1 - 0x1p-22f;
    constexpr float TINY = 1e-30f;
    float width = fmaxf(0, fminf(kept.z, box.z) - fmaxf(kept.x, box.x));
    float height = fmaxf(0, fminf(kept.w, box.w) - fmaxf(kept.y, box.y));
    float intersection = width * height;
    float both = area(kept) + area(box) - intersection;
    if (threshold >= 0 && both > TINY && intersection <= BOUND * threshold * both) {
      return false;
    }
    return intersection / both > threshold;
  }

  __device__ void operator()() const {
    __shared__ int queue[NMS_THREADS];  // places in the order of the keys
    __shared__ float4 tile[NMS_TILE];
    __shared__ int tile_groups[NMS_TILE];
    __shared__ u32 suppressors[NMS_TILE][2];
    __shared__ u32 dropped[2];
    __shared__ u64 kept_of_tile;
    __shared__ bool enough;
    u32 lane = threadIdx.x % WARP;
    u32 warp = threadIdx.x / WARP;
    i64 row = blockIdx.y * room;
    int count = counts[blockIdx.y];
    i64 list = (static_cast<i64>(blockIdx.y) * NMS_BUCKETS + blockIdx.x) * most;
    float4* kept_box = kept_boxes + list;
    int* kept_group = kept_groups + list;
    int* kept_by_all = kept_of_chunk + blockIdx.y * ((room + NMS_THREADS - 1) / NMS_THREADS);
    int kept = 0;
    for (int chunk = 0; chunk < count && kept < most; chunk += NMS_THREADS) {
      int kept_before = kept;
      int place = chunk + static_cast<int>(threadIdx.x);
      bool own = place < count && static_cast<u32>(groups[static_cast<u32>(keys[row + place])]) % NMS_BUCKETS == blockIdx.x;
      u32 queued;
      u32 at = block_exclusive_sum(own ? 1 : 0, queued);
      if (own) {
        queue[at] = place;
      }
      __syncthreads();
      for (u32 first = 0; first < queued && kept < most; first += NMS_TILE) {
        u32 size = min(NMS_TILE, queued - first);
        if (threadIdx.x < size) {
          u32 box = static_cast<u32>(keys[row + queue[first + threadIdx.x]]);
          const float* corners = boxes + 4 * (row + box);
          tile[threadIdx.x] = make_float4(corners[0], corners[1], corners[2], corners[3]);
          tile_groups[threadIdx.x] = groups[box];
        }
        if (threadIdx.x < 2) {
          dropped[threadIdx.x] = 0;
        }
        __syncthreads();
        drop_by_kept(tile, tile_groups, size, kept_box, kept_group, kept, dropped);
        for (u32 i = warp; i < size; i += NMS_THREADS / WARP) {
          for (u32 half = 0; half < 2; half++) {
            u32 j = half * WARP + lane;
            bool better = j < i && tile_groups[j] == tile_groups[i] && suppresses(tile[j], tile[i]);
            u32 bits = __ballot_sync(FULL_WARP, better);
            if (lane == 0) {
              suppressors[i][half] = bits;
            }
          }
        }
        __syncthreads();
        if (warp == 0) {
          u64 keep = resolve(suppressors, size, ~(static_cast<u64>(dropped[1]) << 32 | dropped[0]));
          if (lane == 0) {
            kept_of_tile = keep;
          }
        }
        __syncthreads();
        u64 keep = kept_of_tile;
        if (threadIdx.x < NMS_TILE && (keep >> threadIdx.x & 1) != 0) {
          int rank = kept + __popcll(keep & ((1ull << threadIdx.x) - 1));
          if (rank < most) {
            kept_box[rank] = tile[threadIdx.x];
            kept_group[rank] = tile_groups[threadIdx.x];
            keeps[row + queue[first + threadIdx.x]] = 1;
          }
        }
        // no barrier: what the next tile or chunk overwrites was read before the last one, or is read by the same thread
        kept = min(kept + __popcll(keep), most);
      }
      if (warp == 0) {
        bool all_have = have_enough(kept_by_all, chunk / static_cast<int>(NMS_THREADS), kept - kept_before);
        if (lane == 0) {
          enough = all_have;
        }
      }
      __syncthreads();
      if (enough) {
        break;
      }
    }
  }

  // Adds what a block has kept of a chunk; returns whether so many are known to be kept of this chunk and those before that the
  // result is full, for one warp. Other blocks may be anywhere, which changes how much is computed, but not what.
  __device__ bool have_enough(int* kept_by_all, int chunk, int kept) const {
    u32 lane = threadIdx.x % WARP;
    if (lane == 0 && kept > 0) {
      atomicAdd(&kept_by_all[chunk], kept);
    }
    __syncwarp();
    double sum = 0;
    for (int i = lane; i <= chunk; i += WARP) {
      sum += *static_cast<volatile int*>(&kept_by_all[i]);
    }
    return warp_sum(sum) >= most;
  }

  // Decides within a tile, for one warp: a box whose better ones are all decided is kept if none of those suppresses it. Takes as
  // many rounds as the longest chain of boxes that wait for each other, which is short.
  __device__ static u64 resolve(const u32 (*suppressors)[2], u32 size, u64 undecided) {
    u32 lane = threadIdx.x % WARP;
    u64 keep = 0;
    u64 better[2];
    for (u32 half = 0; half < 2; half++) {
      u32 i = half * WARP + lane;
      better[half] = i < size ? static_cast<u64>(suppressors[i][1]) << 32 | suppressors[i][0] : 0;
    }
    while (undecided != 0) {
      u64 kept = 0;
      u64 gone = 0;
      for (u32 half = 0; half < 2; half++) {
        bool open = (undecided >> (half * WARP + lane) & 1) != 0;
        bool suppressed = open && (better[half] & keep) != 0;
        bool free = open && !suppressed && (better[half] & undecided) == 0;
        gone |= static_cast<u64>(__ballot_sync(FULL_WARP, suppressed)) << (half * WARP);
        kept |= static_cast<u64>(__ballot_sync(FULL_WARP, free)) << (half * WARP);
      }
      keep |= kept;
      undecided &= ~(kept | gone);
    }
    return keep;
  }

  // A warp compares half of the tile, a box a lane, with every sixteenth of the kept boxes: several of them at a time, so that their
  // loads do not wait for each other. This is where the time goes.
  __device__ void drop_by_kept(const float4* tile, const int* tile_groups, u32 size, const float4* kept_box,
                               const int* kept_group, int kept, u32* dropped) const {
    constexpr int SLICES = NMS_THREADS / NMS_TILE;
    constexpr int AT_A_TIME = 4;
    u32 half = threadIdx.x / WARP % 2;
    u32 j = half * WARP + threadIdx.x % WARP;
    bool alive = j < size;
    float4 box = tile[alive ? j : 0];
    int group = tile_groups[alive ? j : 0];
    for (int i = threadIdx.x / NMS_TILE; i < kept; i += SLICES * AT_A_TIME) {
      float4 others[AT_A_TIME];
      int groups_of_others[AT_A_TIME];
      for (int k = 0; k < AT_A_TIME; k++) {
        int at = min(i + k * SLICES, kept - 1);  // the last one again does no harm
        others[k] = kept_box[at];
        groups_of_others[k] = kept_group[at];
      }
      for (int k = 0; k < AT_A_TIME; k++) {
        if (groups_of_others[k] == group && suppresses(others[k], box)) {
          alive = false;
        }
      }
      if (!__any_sync(FULL_WARP, alive)) {
        break;
      }
    }
    u32 gone = __ballot_sync(FULL_WARP, !alive);
    if (threadIdx.x % WARP == 0 && gone != 0) {
      atomicOr(&dropped[half], gone);
    }
  }
};
KERNEL(nms_suppress, NmsSuppress, 1024)

// One block for each image: writes the best that are kept.
struct NmsIndices {
  const u64* keys;    // [N,K], in order
  const int* counts;  // [N]
  const u8* keeps;    // [N,K], in the order of the keys
  int* indices;       // [N,M]
  int* kept_counts;   // [N]
  i64 room;           // K
  int most;           // M

  __device__ void operator()() const {
    i64 row = blockIdx.x * room;
    int* result = indices + static_cast<i64>(blockIdx.x) * most;
    int count = counts[blockIdx.x];
    int kept = 0;
    for (int chunk = 0; chunk < count && kept < most; chunk += blockDim.x) {
      int place = chunk + static_cast<int>(threadIdx.x);
      bool keep = place < count && keeps[row + place] != 0;
      u32 all;
      int at = kept + static_cast<int>(block_exclusive_sum(keep ? 1 : 0, all));
      if (keep && at < most) {
        result[at] = static_cast<int>(keys[row + place]);
      }
      kept = min(kept + static_cast<int>(all), most);
    }
    for (int i = kept + static_cast<int>(threadIdx.x); i < most; i += blockDim.x) {
      result[i] = -1;
    }
    if (threadIdx.x == 0) {
      kept_counts[blockIdx.x] = kept;
    }
  }
};
KERNEL(nms_indices, NmsIndices, 1024)
