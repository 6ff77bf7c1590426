// Matches boxes with objects, draws samples and says what they are to learn. Java: MatchKernels; select.cu draws.
#include "cocoli.cuh"

constexpr int BELOW_LOW_THRESHOLD = -1;
constexpr int BETWEEN_THRESHOLDS = -2;
constexpr int OBJECTS = 128;  // that a block compares with at a time

// A box with its area.
struct Box {
  float x1;
  float y1;
  float x2;
  float y2;
  float area;

  __device__ void load(const float* corners) {
    x1 = corners[0];
    y1 = corners[1];
    x2 = corners[2];
    y2 = corners[3];
    area = (x2 - x1) * (y2 - y1);
  }

  // Places after an image's last box hold zeros.
  __device__ bool has_extent() const { return x2 > x1 && y2 > y1; }

  // Rounded as that of torchvision's box_iou is, the same each time.
  __device__ float iou(const Box& object) const {
    float width = fminf(object.x2, x2) - fmaxf(object.x1, x1);
    float height = fminf(object.y2, y2) - fmaxf(object.y1, y1);
    if (width <= 0 || height <= 0) {
      return 0;
    }
    float intersection = width * height;
    return intersection / (object.area + area - intersection);
  }
};

// Gives each box the object that it overlaps most, by the thresholds; a thread takes a box, blockIdx.y counts the images. Where
// low-quality matches are allowed, notes each box's best object and IoU, and each object's best IoU: MatchBestBoxes compares a
// second time instead of reading a matrix of IoUs. IoUs are not negative, so that their order is that of their bits.
struct MatchBoxes {
  const float* boxes;              // [N,B,4] or [1,B,4]
  const float* ground_truth;       // [N,G,4]
  const int* ground_truth_counts;  // [N]
  int* matches;                    // [N,B]
  float* best_of_box;              // [N,B], or null: only the thresholds count
  int* object_of_box;              // [N,B]
  u32* best_of_object;             // [N,G], cleared before
  i64 count;                       // B
  i64 box_stride;                  // floats from image to image, 0 where all have the same boxes
  i64 objects;                     // G
  float high_threshold;
  float low_threshold;
  float ignore_threshold;

  __device__ void operator()() const {
    __shared__ Box tile[OBJECTS];
    __shared__ u32 best_of_tile[OBJECTS];
    i64 image = blockIdx.y;
    i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    Box box = {};
    if (i < count) {
      box.load(boxes + image * box_stride + 4 * i);
    }
    bool is_box = box.has_extent();
    int present = ground_truth_counts[image];
    float best = -1;
    int object = -1;
    for (int first = 0; first < present; first += OBJECTS) {
      int size = min(OBJECTS, present - first);
      __syncthreads();
      for (int g = threadIdx.x; g < size; g += blockDim.x) {
        tile[g].load(ground_truth + 4 * (image * objects + first + g));
        best_of_tile[g] = 0;
      }
      __syncthreads();
      for (int g = 0; g < size; g++) {
        float iou = is_box ? box.iou(tile[g]) : -1;
        if (iou > best) {
          best = iou;
          object = first + g;
        }
        if (best_of_box != nullptr) {
          u32 most = __reduce_max_sync(FULL_WARP, iou > 0 ? __float_as_uint(iou) : 0);
          if (most != 0 && threadIdx.x % WARP == 0) {
            atomicMax(&best_of_tile[g], most);
          }
        }
      }
      __syncthreads();
      if (best_of_box != nullptr) {
        for (int g = threadIdx.x; g < size; g += blockDim.x) {
          if (best_of_tile[g] != 0) {
            atomicMax(&best_of_object[image * objects + first + g], best_of_tile[g]);
          }
        }
      }
    }
    if (i >= count) {
      return;
    }
    int match = object;
    if (!is_box) {
      match = BETWEEN_THRESHOLDS;
    } else if (best < low_threshold || object < 0) {
      match = fmaxf(best, 0) < ignore_threshold ? BETWEEN_THRESHOLDS : BELOW_LOW_THRESHOLD;
    } else if (best < high_threshold) {
      match = BETWEEN_THRESHOLDS;
    }
    matches[image * count + i] = match;
    if (best_of_box != nullptr) {
      best_of_box[image * count + i] = best;
      object_of_box[image * count + i] = object;
    }
  }
};
KERNEL(match_boxes, MatchBoxes, 256)

// Matches the boxes that no box beats at one of the objects. Only boxes that reach the least of the objects' best IoUs can be such.
struct MatchBestBoxes {
  const float* boxes;
  const float* ground_truth;
  const int* ground_truth_counts;
  int* matches;
  const float* best_of_box;
  const int* object_of_box;
  const u32* best_of_object;
  i64 count;
  i64 box_stride;
  i64 objects;

  __device__ void operator()() const {
    __shared__ Box tile[OBJECTS];
    __shared__ u32 best_of_tile[OBJECTS];
    __shared__ u32 least;
    i64 image = blockIdx.y;
    i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
    int present = ground_truth_counts[image];
    if (present == 0) {
      return;
    }
    if (threadIdx.x == 0) {
      least = 0xffffffffu;
    }
    __syncthreads();
    for (int g = threadIdx.x; g < present; g += blockDim.x) {
      atomicMin(&least, best_of_object[image * objects + g]);
    }
    __syncthreads();
    i64 at = image * count + i;
    bool candidate = i < count && matches[at] < 0 && best_of_box[at] >= __uint_as_float(least);
    if (__syncthreads_or(candidate) == 0) {
      return;
    }
    Box box = {};
    if (candidate) {
      box.load(boxes + image * box_stride + 4 * i);
    }
    bool is_best = false;
    for (int first = 0; first < present; first += OBJECTS) {
      int size = min(OBJECTS, present - first);
      __syncthreads();
      for (int g = threadIdx.x; g < size; g += blockDim.x) {
        tile[g].load(ground_truth + 4 * (image * objects + first + g));
        best_of_tile[g] = best_of_object[image * objects + first + g];
      }
      __syncthreads();
      for (int g = 0; g < size && candidate && !is_best; g++) {
        is_best = box.iou(tile[g]) == __uint_as_float(best_of_tile[g]);
      }
    }
    if (is_best) {
      matches[at] = object_of_box[at];
    }
  }
};
KERNEL(match_best_boxes, MatchBestBoxes, 256)

// ---- sampling

constexpr int SEEDS = 64;

// Lists the matches and the background of each image, each with its random number before its index (SampleKey). blockIdx.y counts
// the images.
struct SampleKeys {
  const int* matches;  // [N,B]
  u64* keys;           // [N,2,B]: matches, background
  int* counts;         // [N,2], cleared before
  i64 boxes;           // B
  i64 first_image;
  u64 seeds[SEEDS];

  // The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
  __device__ static u64 mix(u64 z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }

  __device__ void operator()() const {
    i64 image = first_image + blockIdx.y;
    u64 seed = seeds[blockIdx.y];
    for (i64 first = static_cast<i64>(blockIdx.x) * blockDim.x; first < boxes; first += piece_stride()) {
      i64 i = first + threadIdx.x;
      int match = i < boxes ? matches[image * boxes + i] : BETWEEN_THRESHOLDS;
      u64 random = mix(seed + (static_cast<u64>(i) + 1) * 0x9E3779B97F4A7C15ull) >> 32;
      for (int kind = 0; kind < 2; kind++) {
        bool taken = kind == 0 ? match >= 0 : match == BELOW_LOW_THRESHOLD;
        int place = take_place(&counts[2 * image + kind], taken);
        if (taken) {
          keys[(2 * image + kind) * boxes + place] = random << 32 | static_cast<u32>(i);
        }
      }
    }
  }
};
KERNEL(sample_keys, SampleKeys, 256)

// The matches that were drawn, and as much background as makes the sample full; their indices become keys to be sorted.
struct JoinSample {
  const u64* drawn;         // [N, most_matches + size], by rising random number
  const int* drawn_counts;  // [N,2]
  u64* keys;                // [N,size]
  int* counts;              // [N]
  i64 images;
  i64 most_matches;
  i64 size;
  Divider columns;  // size

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < images * size; i += piece_stride()) {
      i64 image = columns.quotient(static_cast<u32>(i));
      i64 column = i - image * size;
      i64 matches = drawn_counts[2 * image];
      i64 background = min(static_cast<i64>(drawn_counts[2 * image + 1]), size - matches);
      if (column < matches + background) {
        i64 from = column < matches ? column : most_matches + column - matches;
        keys[i] = static_cast<u32>(drawn[image * (most_matches + size) + from]);
      }
      if (column == 0) {
        counts[image] = static_cast<int>(matches + background);
      }
    }
  }
};
KERNEL(join_sample, JoinSample, 256)

struct SampleTargets {
  const float* boxes;              // [N,B,4] or [1,B,4]
  const int* indices;              // [N,S]
  const int* matches;              // [N,B]
  const float* ground_truth;       // [N,G,4]
  const int* ground_truth_labels;  // [N,G], or null: 1
  float* rois;                     // [N*S,5], or null
  int* labels;                     // [N*S]
  float* targets;                  // [N*S,4]
  i64 count;                       // N * S
  i64 box_count;                   // B
  i64 box_stride;                  // floats from image to image, 0 where all have the same boxes
  i64 objects;                     // G
  Divider columns;                 // S
  float weight_x;
  float weight_y;
  float weight_width;
  float weight_height;

  // torchvision's encode_boxes, operation by operation; the logarithm is rounded from double precision, as the CPU's is
  __device__ void encode(const float* object, const float* box, float* target) const {
    float width = box[2] - box[0];
    float height = box[3] - box[1];
    float object_width = object[2] - object[0];
    float object_height = object[3] - object[1];
    float x = (object[0] + 0.5f * object_width) - (box[0] + 0.5f * width);
    float y = (object[1] + 0.5f * object_height) - (box[1] + 0.5f * height);
    target[0] = weight_x * x / width;
    target[1] = weight_y * y / height;
    target[2] = weight_width * static_cast<float>(log(static_cast<double>(object_width / width)));
    target[3] = weight_height * static_cast<float>(log(static_cast<double>(object_height / height)));
  }

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      i64 image = columns.quotient(static_cast<u32>(i));
      int index = indices[i];
      int match = index < 0 ? BETWEEN_THRESHOLDS : matches[image * box_count + index];
      const float* box = boxes + image * box_stride + 4 * static_cast<i64>(index < 0 ? 0 : index);
      if (rois != nullptr) {
        rois[5 * i] = index < 0 ? -1.0f : static_cast<float>(image);
        for (int c = 0; c < 4; c++) {
          rois[5 * i + 1 + c] = index < 0 ? 0 : box[c];
        }
      }
      int label = match == BELOW_LOW_THRESHOLD ? 0 : -1;
      if (match >= 0) {
        i64 object = image * objects + match;
        label = ground_truth_labels == nullptr ? 1 : ground_truth_labels[object];
        encode(ground_truth + 4 * object, box, targets + 4 * i);
      } else {
        for (int c = 0; c < 4; c++) {
          targets[4 * i + c] = 0;
        }
      }
      labels[i] = label;
    }
  }
};
KERNEL(sample_targets, SampleTargets, 256)
