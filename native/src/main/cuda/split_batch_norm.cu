// Batch normalisation in pieces, between which replicas join what each has. Java: SplitBatchNormKernels.
#include "batch_norm.cuh"

// A replica's own statistics of each channel: [2C+1] means, biased variances, values a channel
struct WriteStatistics {
  float* statistics;
  i64 rows;

  __device__ void operator()(i64 c, i64 channels, const double (&sums)[2]) const {
    Moments moments(sums, static_cast<double>(rows));
    statistics[c] = static_cast<float>(moments.mean);
    statistics[channels + c] = static_cast<float>(moments.variance);
    if (c == 0) {
      statistics[2 * channels] = static_cast<float>(rows);
    }
  }
};
template <typename T, int Width>
using ReplicaStatistics = Statistics<T, Width, WriteStatistics>;
CHANNEL_KERNELS(batch_norm_replica_statistics, ReplicaStatistics)

// How many values of a channel all replicas have together
__device__ inline double joint_count(const float* statistics, i64 replicas, i64 channels) {
  double count = 0;
  for (i64 r = 0; r < replicas; r++) {
    count += statistics[r * (2 * channels + 1) + 2 * channels];
  }
  return count;
}

// What FinishStatistics does, from the statistics [R,2C+1] of all replicas (Chan, Golub and LeVeque 1979)
struct JoinStatistics {
  const float* statistics;
  ChannelCoefficients results;
  i64 replicas;
  i64 channels;
  float eps;
  float momentum;

  __device__ void operator()() const {
    i64 width = 2 * channels + 1;
    double count = joint_count(statistics, replicas, channels);
    for (i64 c = first_piece(); c < channels; c += piece_stride()) {
      double exact = 0;
      for (i64 r = 0; r < replicas; r++) {
        exact += statistics[r * width + 2 * channels] / count * statistics[r * width + c];
      }
      double variance = 0;
      for (i64 r = 0; r < replicas; r++) {
        double difference = statistics[r * width + c] - exact;
        variance += statistics[r * width + 2 * channels] / count *
                    (statistics[r * width + channels + c] + difference * difference);
      }
      results.write(c, channels, exact, variance, count, eps, momentum);
    }
  }
};
KERNEL(batch_norm_join_statistics, JoinStatistics, THREADS)

// The sums [2,C] that replicas add up, and the parameters' gradients of this one
struct WriteGradientSums {
  float* written;
  float* d_weight;  // or null
  float* d_bias;    // or null

  __device__ void operator()(const ChannelNorm& norm, i64 c, i64 channels, double sum, double product) const {
    written[c] = static_cast<float>(sum);
    written[channels + c] = static_cast<float>(product);
    if (d_weight != nullptr) {
      d_weight[c] = static_cast<float>(d_weight[c] + product * norm.inv_std[c]);
      d_bias[c] = static_cast<float>(d_bias[c] + sum);
    }
  }
};
template <typename T, int Width>
using ReplicaGradientSums = GradientSums<T, Width, false, WriteGradientSums>;
template <typename T, int Width>
using MaskedReplicaGradientSums = GradientSums<T, Width, true, WriteGradientSums>;
CHANNEL_KERNELS(batch_norm_replica_gradient_sums, ReplicaGradientSums)
CHANNEL_KERNELS(batch_norm_replica_gradient_sums_masked, MaskedReplicaGradientSums)

// What FinishGradients does for the input, from the sums of all replicas
struct JoinGradients {
  const float* statistics;  // [R,2C+1], for the number of values
  const float* sums;        // [2,C]
  const float* weight;
  const float* mean;
  const float* inv_std;
  float* coefficients;  // [3,C]: of dy, of x, constant
  i64 replicas;
  i64 channels;

  __device__ void operator()() const {
    double count = joint_count(statistics, replicas, channels);
    for (i64 c = first_piece(); c < channels; c += piece_stride()) {
      double inverse = inv_std[c];
      double scale = weight[c] * inverse;
      double slope = -scale * inverse * inverse * sums[channels + c] / count;
      coefficients[c] = static_cast<float>(scale);
      coefficients[channels + c] = static_cast<float>(slope);
      coefficients[2 * channels + c] = static_cast<float>(-scale * sums[c] / count - slope * mean[c]);
    }
  }
};
KERNEL(batch_norm_join_gradients, JoinGradients, THREADS)
