// Turns scores and deltas into few boxes: top-k, decoding, non-maximum suppression. Java: ProposalKernels; select.cu sorts.
#include "cocoli.cuh"

// A score with its index as a key whose rising order is that of falling scores, equal scores in the order of the indices.
__device__ inline u64 score_key(float score, u32 index) {
  // adding 0 turns -0 into 0, so that the two are equal
  u32 bits = __float_as_uint(score + 0.0f);
  u32 falling = (bits & 0x80000000u) != 0 ? bits : ~bits & 0x7fffffffu;
  return static_cast<u64>(falling) << 32 | index;
}

struct ScoreKeys {
  const float* scores;  // [N,A]
  u64* keys;            // [N,A]
  i64 count;
  Divider columns;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 at = static_cast<u32>(i);
      keys[i] = score_key(scores[i], at - columns.quotient(at) * columns.divisor);
    }
  }
};
KERNEL(score_keys, ScoreKeys, 256)

// ---- decoding

// Rounded from double precision, as the CPU's is: near 1 scores are few, and their ties decide the order.
__device__ inline float exp_rounded(float x) { return static_cast<float>(exp(static_cast<double>(x))); }

struct CoderWeights {
  float x;
  float y;
  float width;
  float height;
};

// Turns four deltas and a reference box into a box clipped to its image, with torchvision's order of operations
// (BoxCoder.decode_single, clip_boxes_to_image). What is not a number stays so: comparisons, and not fminf.
struct BoxDecoder {
  CoderWeights weights;
  float most;  // logarithm of a ratio of sizes
  float width;
  float height;
  float centre_x;
  float centre_y;
  float image_height;
  float image_width;

  __device__ BoxDecoder(const CoderWeights& weights, float most, const float* box, const float* image)
      : weights(weights), most(most), image_height(image[0]), image_width(image[1]) {
    width = box[2] - box[0];
    height = box[3] - box[1];
    centre_x = box[0] + 0.5f * width;
    centre_y = box[1] + 0.5f * height;
  }

  __device__ static float clip(float x, float limit) {
    x = x < 0 ? 0 : x;
    return x > limit ? limit : x;
  }

  // Returns the box's shorter side; NaN if a delta is.
  __device__ float decode(const Pack<float, 4>& deltas, Pack<float, 4>& box) const {
    float x = deltas.at[0] / weights.x * width + centre_x;
    float y = deltas.at[1] / weights.y * height + centre_y;
    float log_width = deltas.at[2] / weights.width;
    float log_height = deltas.at[3] / weights.height;
    float half_width = 0.5f * (exp_rounded(log_width > most ? most : log_width) * width);
    float half_height = 0.5f * (exp_rounded(log_height > most ? most : log_height) * height);
    box.at[0] = clip(x - half_width, image_width);
    box.at[1] = clip(y - half_height, image_height);
    box.at[2] = clip(x + half_width, image_width);
    box.at[3] = clip(y + half_height, image_height);
    float across = box.at[2] - box.at[0];
    float down = box.at[3] - box.at[1];
    return across < down || across != across ? across : down;
  }
};

__device__ inline Pack<float, 4> load_four(const float* from, bool wide) {
  if (wide) {
    return *reinterpret_cast<const Pack<float, 4>*>(from);
  }
  Pack<float, 4> four;
  for (int i = 0; i < 4; i++) {
    four.at[i] = from[i];
  }
  return four;
}

__device__ inline void store_four(const Pack<float, 4>& four, float* into, bool wide) {
  if (wide) {
    *reinterpret_cast<Pack<float, 4>*>(into) = four;
    return;
  }
  for (int i = 0; i < 4; i++) {
    into[i] = four.at[i];
  }
}

constexpr float DROPPED = -1;

struct DecodeProposals {
  const float* deltas;       // [N,A,4]
  const float* logits;       // [N,A]
  const float* anchors;      // [A,4]
  const int* indices;        // [N,K]
  const float* image_sizes;  // [N,2]
  float* boxes;              // [N,K,4]
  float* scores;             // [N,K]
  i64 count;                 // N * K
  i64 anchor_count;
  Divider columns;  // K
  CoderWeights weights;
  float most;
  float min_size;
  float min_score;

  __device__ void operator()() const {
    bool wide = is_wide(deltas) && is_wide(boxes);
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      int anchor = indices[i];
      i64 image = columns.quotient(static_cast<u32>(i));
      i64 at = image * anchor_count + anchor;
      BoxDecoder decoder(weights, most, anchors + 4 * static_cast<i64>(anchor), image_sizes + 2 * image);
      Pack<float, 4> box;
      float side = decoder.decode(load_four(deltas + 4 * at, wide), box);
      store_four(box, boxes + 4 * i, wide);
      float score = 1 / (1 + exp_rounded(-logits[at]));
      // a comparison with NaN is false, so what is not a number is dropped
      scores[i] = side >= min_size && score >= min_score ? score : DROPPED;
    }
  }
};
KERNEL(decode_proposals, DecodeProposals, 256)

// A warp takes a region, its lanes the classes.
struct DecodeDetections {
  const float* logits;       // [N,M,K]
  const float* deltas;       // [N,M,4K]
  const float* rois;         // [N,M,5]
  const float* image_sizes;  // [N,2]
  float* boxes;              // [N,M*(K-1),4]
  float* scores;             // [N,M*(K-1)]
  i64 regions;               // N * M
  Divider regions_per_image;
  int classes;
  CoderWeights weights;
  float most;
  float min_size;
  float score_threshold;

  __device__ void operator()() const {
    bool wide = is_wide(deltas) && is_wide(boxes);
    int lane = threadIdx.x % WARP;
    int objects = classes - 1;
    for (i64 r = first_piece() / WARP; r < regions; r += piece_stride() / WARP) {
      const float* roi = rois + 5 * r;
      if (roi[0] < 0) {
        for (int i = lane; i < objects; i += WARP) {
          store_four(Pack<float, 4>{}, boxes + 4 * (r * objects + i), wide);
          scores[r * objects + i] = DROPPED;
        }
        continue;
      }
      const float* row = logits + r * classes;
      float largest = __uint_as_float(0xff800000u);
      for (int c = lane; c < classes; c += WARP) {
        largest = fmaxf(largest, row[c]);
      }
      largest = warp_max(largest);
      // added in the order of the classes, as the CPU does: two classes may score all but the same
      float sum = 0;
      for (int first = 0; first < classes; first += WARP) {
        float share = first + lane < classes ? exp_rounded(row[first + lane] - largest) : 0;
        int present = min(static_cast<int>(WARP), classes - first);
        for (int i = 0; i < present; i++) {
          sum += __shfl_sync(FULL_WARP, share, i);
        }
      }
      BoxDecoder decoder(weights, most, roi + 1, image_sizes + 2 * regions_per_image.quotient(static_cast<u32>(r)));
      for (int i = lane; i < objects; i += WARP) {
        Pack<float, 4> box;
        float side = decoder.decode(load_four(deltas + 4 * (r * classes + i + 1), wide), box);
        store_four(box, boxes + 4 * (r * objects + i), wide);
        float score = exp_rounded(row[i + 1] - largest) / sum;
        scores[r * objects + i] = side >= min_size && score > score_threshold ? score : DROPPED;
      }
    }
  }

};
KERNEL(decode_detections, DecodeDetections, 256)

// ---- non-maximum suppression

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
