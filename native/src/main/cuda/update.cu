// Norms, clipping, scaling, the step of SGD over the arena of all parameters. Java: UpdateKernels.
#include "cocoli.cuh"

// The sum of squares. Its order is the same in every run: data-parallel replicas clip by the same factor.
struct SquaredNorm {
  const float* x;
  double* partial;  // [gridDim.x]
  u32* arrived;     // for is_last_block
  float* sum;       // [1]
  i64 count;

  __device__ void operator()() const {
    double squares = 0;
    i64 wide = is_wide(x) ? count / Wide<float>::size : 0;
    for (i64 i = first_piece(); i < wide; i += piece_stride()) {
      Wide<float> pack = reinterpret_cast<const Wide<float>*>(x)[i];
      for (int j = 0; j < Wide<float>::size; j++) {
        double value = pack.at[j];
        squares += value * value;
      }
    }
    for (i64 i = wide * Wide<float>::size + first_piece(); i < count; i += piece_stride()) {
      double value = x[i];
      squares += value * value;
    }
    double total;
    if (grid_sum(squares, partial, arrived, total) && threadIdx.x == 0) {
      *sum = static_cast<float>(total);
    }
  }
};
KERNEL(squared_norm, SquaredNorm, 256)

// Multiplies every element, four at a time where they lie so.
__device__ inline void scale_all(float* x, i64 count, float factor) {
  i64 wide = is_wide(x) ? count / Wide<float>::size : 0;
  for (i64 i = first_piece(); i < wide; i += piece_stride()) {
    Wide<float> pack = reinterpret_cast<Wide<float>*>(x)[i];
    for (int j = 0; j < Wide<float>::size; j++) {
      pack.at[j] *= factor;
    }
    reinterpret_cast<Wide<float>*>(x)[i] = pack;
  }
  for (i64 i = wide * Wide<float>::size + first_piece(); i < count; i += piece_stride()) {
    x[i] *= factor;
  }
}

// gradient *= max_norm / (norm + 1e-6) where that is less than 1: torch.nn.utils.clip_grad_norm_. A norm that is not a number
// makes the gradient so.
struct ClipByNorm {
  float* gradient;
  const float* squared_norm;  // [1]
  i64 count;
  float max_norm;

  __device__ void operator()() const {
    float factor = max_norm / (sqrtf(*squared_norm) + 1e-6f);
    if (factor >= 1) {
      return;
    }
    scale_all(gradient, count, factor);
  }
};
KERNEL(clip_by_norm, ClipByNorm, 256)

struct Scale {
  float* x;
  i64 count;
  float factor;

  __device__ void operator()() const { scale_all(x, count, factor); }
};
KERNEL(scale, Scale, 256)

// velocity = momentum * velocity + gradient + weight_decay * parameter; parameter -= learning_rate * velocity
struct SgdUpdate {
  float* parameter;
  const float* gradient;
  float* velocity;
  i64 count;
  float learning_rate;
  float momentum;
  float weight_decay;

  __device__ void step(float& p, float g, float& v) const {
    v = momentum * v + (g + weight_decay * p);
    p -= learning_rate * v;
  }

  __device__ void operator()() const {
    bool aligned = is_wide(parameter) && is_wide(gradient) && is_wide(velocity);
    i64 wide = aligned ? count / Wide<float>::size : 0;
    for (i64 i = first_piece(); i < wide; i += piece_stride()) {
      Wide<float> p = reinterpret_cast<Wide<float>*>(parameter)[i];
      Wide<float> g = reinterpret_cast<const Wide<float>*>(gradient)[i];
      Wide<float> v = reinterpret_cast<Wide<float>*>(velocity)[i];
      for (int j = 0; j < Wide<float>::size; j++) {
        step(p.at[j], g.at[j], v.at[j]);
      }
      reinterpret_cast<Wide<float>*>(parameter)[i] = p;
      reinterpret_cast<Wide<float>*>(velocity)[i] = v;
    }
    for (i64 i = wide * Wide<float>::size + first_piece(); i < count; i += piece_stride()) {
      step(parameter[i], gradient[i], velocity[i]);
    }
  }
};
KERNEL(sgd_update, SgdUpdate, 256)
