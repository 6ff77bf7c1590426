// Orders scores and decodes boxes. Java: ProposalKernels; select.cu sorts, nms.cu suppresses.
#include "score.cuh"

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
