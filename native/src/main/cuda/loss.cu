// Losses with their gradients. Java: LossKernels.
//
// A loss takes three kernels: one block counts the rows with a label, many write the gradients and a partial sum of losses each,
// one block adds those. No atomics, so that the bits do not change from run to run; what a row contributes is computed in double
// precision, as the CPU does, because rows are few. A kernel cannot throw: a label beyond the classes makes the loss NaN.
#include "cocoli.cuh"

// How many labels are not negative; one block.
struct CountLabels {
  const int* labels;
  int* counted;  // [1]
  i64 rows;

  __device__ void operator()() const {
    int count = 0;
    for (i64 row = threadIdx.x; row < rows; row += blockDim.x) {
      count += labels[row] >= 0;
    }
    // a double holds every count
    double total = block_sum(static_cast<double>(count));
    if (threadIdx.x == 0) {
      *counted = static_cast<int>(total);
    }
  }
};
KERNEL(count_labels, CountLabels, 1024)

// The blocks' sums over the number of labelled rows; one block.
struct MeanLoss {
  const double* partial;
  const int* counted;  // [1]
  float* loss;         // [1]
  i64 count;

  __device__ void operator()() const {
    double sum = 0;
    for (i64 i = threadIdx.x; i < count; i += blockDim.x) {
      sum += partial[i];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
      *loss = *counted == 0 ? 0.0f : static_cast<float>(sum / *counted);
    }
  }
};
KERNEL(mean_loss, MeanLoss, 256)

// What the kernels of a loss have in common.
struct LossSum {
  double* partial;     // [gridDim.x]
  const int* counted;  // [1]

  __device__ void write(double losses) const {
    losses = block_sum(losses);
    if (threadIdx.x == 0) {
      partial[blockIdx.x] = losses;
    }
  }

  __device__ static double not_a_number() { return __uint_as_float(0x7fc00000u); }
};

// loss = log(sum of exp(x - max)) + max - x[label]; a warp for each row
struct SoftmaxCrossEntropy {
  const float* logits;  // [R,K]
  const int* labels;
  LossSum sum;
  float* gradient;
  i64 rows;
  i64 classes;

  __device__ void operator()() const {
    u32 lane = threadIdx.x % WARP;
    double counted = *sum.counted;
    double losses = 0;
    for (i64 row = first_piece() / WARP; row < rows; row += piece_stride() / WARP) {
      const float* from = logits + row * classes;
      float* to = gradient + row * classes;
      int label = labels[row];
      if (label < 0) {
        for (i64 c = lane; c < classes; c += WARP) {
          to[c] = 0;
        }
        continue;
      }
      float best = __uint_as_float(0xff800000u);
      for (i64 c = lane; c < classes; c += WARP) {
        best = fmaxf(best, from[c]);
      }
      best = warp_max(best);
      double total = 0;
      for (i64 c = lane; c < classes; c += WARP) {
        total += exp(from[c] - static_cast<double>(best));
      }
      total = warp_sum(total);
      for (i64 c = lane; c < classes; c += WARP) {
        double share = exp(from[c] - static_cast<double>(best)) / total;
        to[c] = static_cast<float>((share - (c == label ? 1 : 0)) / counted);
      }
      if (lane == 0) {
        losses += label < classes ? log(total) + (static_cast<double>(best) - from[label]) : LossSum::not_a_number();
      }
    }
    sum.write(losses);
  }
};
KERNEL(softmax_cross_entropy, SoftmaxCrossEntropy, 256)

// loss = max(x, 0) - x * target + log(1 + exp(-|x|))
struct SigmoidCrossEntropy {
  const float* logits;
  const int* labels;
  LossSum sum;
  float* gradient;
  i64 rows;

  __device__ void operator()() const {
    double counted = *sum.counted;
    double losses = 0;
    for (i64 row = first_piece(); row < rows; row += piece_stride()) {
      int label = labels[row];
      if (label < 0) {
        gradient[row] = 0;
        continue;
      }
      double x = logits[row];
      double target = label > 0 ? 1 : 0;
      // the exponent is never positive, so nothing overflows
      double tail = exp(-fabs(x));
      losses += fmax(x, 0.0) - x * target + log1p(tail);
      double sigmoid = (x >= 0 ? 1.0 : tail) / (1 + tail);
      gradient[row] = static_cast<float>((sigmoid - target) / counted);
    }
    sum.write(losses);
  }
};
KERNEL(sigmoid_cross_entropy, SigmoidCrossEntropy, 256)

// Of the boxes of a row only the label's has a loss; all others' gradients are 0. A thread for each box.
struct SmoothL1 {
  const float* predictions;  // [R,4K]
  const float* targets;      // [R,4]
  const int* labels;
  LossSum sum;
  float* gradient;
  i64 count;      // boxes in all
  Divider boxes;  // of a row
  float beta;

  __device__ double add(u32 row, u32 box, float* slopes) const {
    double counted = *sum.counted;
    double losses = 0;
    i64 at = (static_cast<i64>(row) * boxes.divisor + box) * 4;
    for (int c = 0; c < 4; c++) {
      double difference = static_cast<double>(predictions[at + c]) - targets[4 * static_cast<i64>(row) + c];
      double distance = fabs(difference);
      bool parabola = distance < beta;
      losses += parabola ? 0.5 * distance * distance / beta : distance - 0.5 * beta;
      double sign = difference > 0 ? 1 : difference < 0 ? -1 : difference;
      slopes[c] = static_cast<float>((parabola ? difference / beta : sign) / counted);
    }
    return losses;
  }

  __device__ void operator()() const {
    bool wide = is_wide(gradient);
    double losses = 0;
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 row = boxes.quotient(static_cast<u32>(i));
      u32 box = static_cast<u32>(i) - row * boxes.divisor;
      int label = labels[row];
      Wide<float> slopes = {};
      if (label > 0) {
        if (boxes.divisor == 1 || static_cast<u32>(label) == box) {
          losses += add(row, box, slopes.at);
        } else if (static_cast<u32>(label) >= boxes.divisor) {
          losses = LossSum::not_a_number();
        }
      }
      if (wide) {
        reinterpret_cast<Wide<float>*>(gradient)[i] = slopes;
      } else {
        for (int c = 0; c < 4; c++) {
          gradient[4 * i + c] = slopes.at[c];
        }
      }
    }
    sum.write(losses);
  }
};
KERNEL(smooth_l1, SmoothL1, 256)
