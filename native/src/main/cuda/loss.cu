// Losses with their gradients. Java: LossKernels.
//
// Each block counts the rows with a label, because rows are few; it writes gradients and a partial sum of losses, and the last block
// adds those in a fixed order, so that the bits do not change from run to run. What a row contributes is computed in double
// precision, as the CPU does. A kernel cannot throw: a label beyond the classes makes the loss NaN.
#include "cocoli.cuh"

// The mean over the rows with a label
struct MeanLoss {
  const int* labels;  // negative for none
  i64 rows;
  double* partial;  // [gridDim.x]
  u32* arrived;     // for is_last_block
  float* loss;      // [1]

  // How many rows have a label; for all threads of a block.
  __device__ double counted() const {
    int count = 0;
    for (i64 row = threadIdx.x; row < rows; row += blockDim.x) {
      count += labels[row] >= 0;
    }
    // a double holds every count
    return block_sum(static_cast<double>(count));
  }

  __device__ void write(double losses, double counted) const {
    double sum;
    if (grid_sum(losses, partial, arrived, sum) && threadIdx.x == 0) {
      *loss = counted == 0 ? 0.0f : static_cast<float>(sum / counted);
    }
  }

  __device__ static double not_a_number() { return __uint_as_float(0x7fc00000u); }
};

// loss = log(sum of exp(x - max)) + max - x[label]; a warp for each row
struct SoftmaxCrossEntropy {
  const float* logits;  // [R,K]
  MeanLoss mean;
  float* gradient;
  i64 classes;

  __device__ void operator()() const {
    u32 lane = threadIdx.x % WARP;
    double counted = mean.counted();
    double losses = 0;
    for (i64 row = first_piece() / WARP; row < mean.rows; row += piece_stride() / WARP) {
      const float* from = logits + row * classes;
      float* to = gradient + row * classes;
      int label = mean.labels[row];
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
        losses += label < classes ? log(total) + (static_cast<double>(best) - from[label]) : MeanLoss::not_a_number();
      }
    }
    mean.write(losses, counted);
  }
};
KERNEL(softmax_cross_entropy, SoftmaxCrossEntropy, 256)

// loss = max(x, 0) - x * target + log(1 + exp(-|x|))
struct SigmoidCrossEntropy {
  const float* logits;
  MeanLoss mean;
  float* gradient;

  __device__ void operator()() const {
    double counted = mean.counted();
    double losses = 0;
    for (i64 row = first_piece(); row < mean.rows; row += piece_stride()) {
      int label = mean.labels[row];
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
    mean.write(losses, counted);
  }
};
KERNEL(sigmoid_cross_entropy, SigmoidCrossEntropy, 256)

// Of the boxes of a row only the label's has a loss; all others' gradients are 0. A thread for each box.
struct SmoothL1 {
  const float* predictions;  // [R,4K]
  const float* targets;      // [R,4]
  MeanLoss mean;
  float* gradient;
  i64 count;      // boxes in all
  Divider boxes;  // of a row
  float beta;

  __device__ double add(u32 row, u32 box, double counted, float* slopes) const {
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
    double counted = mean.counted();
    double losses = 0;
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 row = boxes.quotient(static_cast<u32>(i));
      u32 box = static_cast<u32>(i) - row * boxes.divisor;
      int label = mean.labels[row];
      Wide<float> slopes = {};
      if (label > 0) {
        if (boxes.divisor == 1 || static_cast<u32>(label) == box) {
          losses += add(row, box, counted, slopes.at);
        } else if (static_cast<u32>(label) >= boxes.divisor) {
          losses = MeanLoss::not_a_number();
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
    mean.write(losses, counted);
  }
};
KERNEL(smooth_l1, SmoothL1, 256)
