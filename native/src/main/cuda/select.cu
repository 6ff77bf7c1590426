// The smallest of many 64-bit keys, in rising order. No two keys of a part are equal, so that neither the order in which they lie
// nor that in which threads run shows in the result. Java: SelectKernels.
#include "cocoli.cuh"

constexpr int MAX_PARTS = 32;
constexpr u32 TILE = 2048;  // keys that one block sorts
constexpr u32 HISTOGRAM_BITS = 12;
constexpr u32 HISTOGRAM = 1 << HISTOGRAM_BITS;
constexpr u32 DIGIT_BITS = 11;
constexpr u32 DIGITS = 1 << DIGIT_BITS;

// Where keys lie: each row has the same parts. blockIdx.y counts the parts of all rows.
struct Parts {
  const int* counts;  // how many keys each part of each row has; null if as many as there is room for
  i64 stride;         // keys from row to row
  i64 parts;
  struct {
    i64 begin;
    i64 size;
  } at[MAX_PARTS];

  __device__ i64 begin() const { return blockIdx.y / parts * stride + at[blockIdx.y % parts].begin; }

  __device__ i64 room() const { return at[blockIdx.y % parts].size; }

  __device__ i64 size() const { return counts == nullptr ? room() : counts[blockIdx.y]; }
};

// Counts one in a bin for each lane that takes part. Keys crowd in few bins, so that the first lane's bin is counted at once.
__device__ inline void count_in_bin(u32* bins, bool takes_part, u32 bin) {
  u32 lane = threadIdx.x % WARP;
  u32 all = __ballot_sync(FULL_WARP, takes_part);
  if (all == 0) {
    return;
  }
  u32 leader = __ffs(all) - 1;
  u32 leaders_bin = __shfl_sync(FULL_WARP, bin, leader);
  bool same = takes_part && bin == leaders_bin;
  u32 joint = __ballot_sync(FULL_WARP, same);
  if (lane == leader) {
    atomicAdd(&bins[bin], static_cast<u32>(__popc(joint)));
  } else if (takes_part && !same) {
    atomicAdd(&bins[bin], 1u);
  }
}

// How many keys have each value of the upper bits. The histograms are cleared before.
struct KeyHistogram {
  Parts in;
  const u64* keys;
  u32* histograms;  // [parts, HISTOGRAM]

  __device__ void operator()() const {
    __shared__ u32 bins[HISTOGRAM];
    for (u32 i = threadIdx.x; i < HISTOGRAM; i += blockDim.x) {
      bins[i] = 0;
    }
    __syncthreads();
    const u64* part = keys + in.begin();
    i64 size = in.size();
    for (i64 first = static_cast<i64>(blockIdx.x) * blockDim.x; first < size; first += piece_stride()) {
      i64 i = first + threadIdx.x;
      u64 key = i < size ? part[i] : 0;
      count_in_bin(bins, i < size, static_cast<u32>(key >> (64 - HISTOGRAM_BITS)));
    }
    __syncthreads();
    u32* histogram = histograms + static_cast<i64>(blockIdx.y) * HISTOGRAM;
    for (u32 i = threadIdx.x; i < HISTOGRAM; i += blockDim.x) {
      if (bins[i] != 0) {
        atomicAdd(&histogram[i], bins[i]);
      }
    }
  }
};
KERNEL(key_histogram, KeyHistogram, 256)

// Picks the keys that may be among the wanted smallest by their upper bits.
struct NarrowKeys {
  Parts in;
  Parts wanted;
  const u64* keys;
  const u32* histograms;
  u64* narrowed;       // lies as the keys do
  int* narrowed_counts;  // cleared before

  __device__ u32 last_bin() const {
    __shared__ u32 last;
    constexpr u32 STEP = HISTOGRAM / 256;
    const u32* histogram = histograms + static_cast<i64>(blockIdx.y) * HISTOGRAM + threadIdx.x * STEP;
    u32 own = 0;
    for (u32 i = 0; i < STEP; i++) {
      own += histogram[i];
    }
    if (threadIdx.x == 0) {
      last = HISTOGRAM - 1;
    }
    u32 all;
    u32 before = block_exclusive_sum(own, all);
    i64 room = wanted.room();
    if (before < room && before + own >= room) {
      u32 i = 0;
      for (; before + histogram[i] < room; i++) {
        before += histogram[i];
      }
      last = threadIdx.x * STEP + i;
    }
    __syncthreads();
    return last;
  }

  __device__ void operator()() const {
    u32 last = last_bin();
    i64 begin = in.begin();
    i64 size = in.size();
    for (i64 first = static_cast<i64>(blockIdx.x) * blockDim.x; first < size; first += piece_stride()) {
      i64 i = first + threadIdx.x;
      u64 key = i < size ? keys[begin + i] : 0;
      bool taken = i < size && static_cast<u32>(key >> (64 - HISTOGRAM_BITS)) <= last;
      int place = take_place(&narrowed_counts[blockIdx.y], taken);
      if (taken) {
        narrowed[begin + place] = key;
      }
    }
  }
};
KERNEL(narrow_keys, NarrowKeys, 256)

// Sorts a tile in shared memory (Batcher 1968, bitonic). Begins and ends with a barrier.
__device__ inline void sort_tile(u64* tile, u32 count) {
  u32 size = 2;
  while (size < count) {
    size *= 2;
  }
  for (u32 i = count + threadIdx.x; i < size; i += blockDim.x) {
    tile[i] = ~0ull;
  }
  __syncthreads();
  for (u32 run = 2; run <= size; run *= 2) {
    for (u32 distance = run / 2; distance > 0; distance /= 2) {
      for (u32 t = threadIdx.x; t < size / 2; t += blockDim.x) {
        u32 i = 2 * t - (t & (distance - 1));
        u64 low = tile[i];
        u64 high = tile[i + distance];
        if ((low > high) == ((i & run) == 0)) {
          tile[i] = high;
          tile[i + distance] = low;
        }
      }
      __syncthreads();
    }
  }
}

// Which keys of a part are the smallest ones: those whose upper bits are at most a prefix.
struct KeyLimit {
  u64 prefix;
  u32 shift;

  __device__ bool holds(u64 key) const { return key >> shift <= prefix; }
};

// One block for each part: picks the wanted smallest keys, and sorts them if one tile holds them.
struct SelectKeys {
  Parts in;
  Parts wanted;
  const u64* keys;
  u64* selected;        // lies as the wanted parts do
  int* selected_counts;

  // Digit by digit from the highest on, until all keys that begin with the digits so far are wanted (radix selection).
  __device__ KeyLimit limit(const u64* part, u32 size, u32 left, u32* bins) const {
    __shared__ u32 digit;
    __shared__ u32 smaller;
    __shared__ u32 equal;
    KeyLimit limit{0, 64};
    do {
      u32 shift = limit.shift > DIGIT_BITS ? limit.shift - DIGIT_BITS : 0;
      u32 width = limit.shift - shift;
      for (u32 i = threadIdx.x; i < DIGITS; i += blockDim.x) {
        bins[i] = 0;
      }
      __syncthreads();
      for (u32 first = 0; first < size; first += blockDim.x) {
        u32 i = first + threadIdx.x;
        u64 key = i < size ? part[i] : 0;
        bool takes_part = i < size && (limit.shift == 64 || key >> limit.shift == limit.prefix);
        count_in_bin(bins, takes_part, static_cast<u32>(key >> shift) & ((1u << width) - 1));
      }
      __syncthreads();
      u32 low = bins[2 * threadIdx.x];
      u32 high = bins[2 * threadIdx.x + 1];
      u32 all;
      u32 before = block_exclusive_sum(low + high, all);
      if (before < left && left <= before + low + high) {
        bool first = left <= before + low;
        digit = 2 * threadIdx.x + (first ? 0 : 1);
        smaller = first ? before : before + low;
        equal = first ? low : high;
      }
      __syncthreads();
      limit = KeyLimit{limit.prefix << width | digit, shift};
      left -= smaller;
      bool done = equal == left;
      __syncthreads();
      if (done) {
        break;
      }
    } while (limit.shift > 0);
    return limit;
  }

  __device__ void operator()() const {
    __shared__ u64 tile[TILE];
    __shared__ u32 bins[DIGITS];
    __shared__ int taken;
    const u64* part = keys + in.begin();
    u64* result = selected + wanted.begin();
    u32 size = static_cast<u32>(in.size());
    u32 most = static_cast<u32>(min(wanted.room(), in.size()));
    if (threadIdx.x == 0) {
      selected_counts[blockIdx.y] = static_cast<int>(most);
      taken = 0;
    }
    if (most == 0) {
      return;
    }
    if (size <= TILE) {
      for (u32 i = threadIdx.x; i < size; i += blockDim.x) {
        tile[i] = part[i];
      }
      sort_tile(tile, size);
    } else {
      KeyLimit last = most < size ? limit(part, size, most, bins) : KeyLimit{~0ull, 0};
      u64* into = most <= TILE ? tile : result;
      __syncthreads();
      for (u32 first = 0; first < size; first += blockDim.x) {
        u32 i = first + threadIdx.x;
        u64 key = i < size ? part[i] : 0;
        bool wants = i < size && last.holds(key);
        u32 place = static_cast<u32>(take_place(&taken, wants));
        if (wants && place < most) {
          into[place] = key;
        }
      }
      if (most > TILE) {
        return;
      }
      sort_tile(tile, most);
    }
    for (u32 i = threadIdx.x; i < most; i += blockDim.x) {
      result[i] = tile[i];
    }
  }
};
KERNEL(select_keys, SelectKeys, 1024)

// Sorts each tile of each part by itself.
struct SortTiles {
  Parts parts;
  u64* keys;

  __device__ void operator()() const {
    __shared__ u64 tile[TILE];
    i64 first = static_cast<i64>(blockIdx.x) * TILE;
    i64 size = parts.size();
    if (first >= size) {
      return;
    }
    u32 count = static_cast<u32>(min(size - first, static_cast<i64>(TILE)));
    u64* place = keys + parts.begin() + first;
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
      tile[i] = place[i];
    }
    sort_tile(tile, count);
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
      place[i] = tile[i];
    }
  }
};
KERNEL(sort_tiles, SortTiles, 1024)

// Merges neighbouring sorted runs. A thread finds the place of its key by searching the other run: no two keys are equal, so that
// the places are all different.
struct MergeRuns {
  Parts parts;
  const u64* keys;
  u64* merged;
  i64 run;  // a power of two

  __device__ void operator()() const {
    i64 begin = parts.begin();
    i64 size = parts.size();
    for (i64 i = first_piece(); i < size; i += piece_stride()) {
      i64 own = i & ~(run - 1);
      i64 other = own ^ run;
      i64 low = min(other, size);
      i64 high = min(other + run, size);
      i64 first = low;
      u64 key = keys[begin + i];
      while (low < high) {
        i64 middle = (low + high) / 2;
        if (keys[begin + middle] < key) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      merged[begin + min(own, other) + (i - own) + (low - first)] = key;
    }
  }
};
KERNEL(merge_runs, MergeRuns, 256)

// The lower halves of sorted keys: what they belong to
struct KeyIndices {
  const u64* keys;
  const int* counts;  // of each row; null if all are there
  int* indices;       // [rows, columns], -1 after the last key
  i64 count;
  i64 stride;  // keys from row to row
  Divider columns;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 row = columns.quotient(static_cast<u32>(i));
      u32 column = static_cast<u32>(i) - row * columns.divisor;
      bool present = counts == nullptr || static_cast<int>(column) < counts[row];
      indices[i] = present ? static_cast<int>(keys[row * stride + column]) : -1;
    }
  }
};
KERNEL(key_indices, KeyIndices, 256)
