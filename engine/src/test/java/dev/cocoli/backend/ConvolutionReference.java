package dev.cocoli.backend;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestTensors;

/** A convolution and its gradients as they are written, in double precision. */
final class ConvolutionReference {
  private final TestTensors tensors;

  ConvolutionReference(TestTensors tensors) {
    this.tensors = tensors;
  }

  /** The sums of products, of the shape of {@code y}. */
  double[] forward(Conv2dSpec spec, Tensor x, Tensor weight, Tensor y) {
    double[] sums = new double[(int) y.elementCount()];
    float[] in = tensors.floats(x);
    float[] w = tensors.floats(weight);
    taps(
        spec,
        x,
        y,
        weight,
        (input, output, tap, count) -> {
          double sum = sums[output];
          for (int e = 0; e < count; e++) {
            sum += (double) in[input + e] * w[tap + e];
          }
          sums[output] = sum;
        });
    return sums;
  }

  /** The sums with what follows: scale, shift, residual (each may be null) and activation. */
  float[] withTail(
      double[] sums, Conv2dSpec spec, Tensor scale, Tensor shift, Tensor residual, Tensor y) {
    float[] result = new float[sums.length];
    float[] scales = scale == null ? null : tensors.floats(scale);
    float[] shifts = shift == null ? null : tensors.floats(shift);
    float[] residuals = residual == null ? null : tensors.floats(residual);
    int channels = (int) y.dim(3);
    for (int j = 0; j < sums.length; j++) {
      double value = sums[j] * (scales == null ? 1 : scales[j % channels]);
      value += shifts == null ? 0 : shifts[j % channels];
      value += residuals == null ? 0 : residuals[j];
      result[j] = (float) (spec.activation() == Activation.RELU ? Math.max(0, value) : value);
    }
    return result;
  }

  float[] backwardData(Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor dx) {
    double[] sums = new double[(int) dx.elementCount()];
    float[] seeds = tensors.floats(dy);
    float[] w = tensors.floats(weight);
    float[] scales = scale == null ? null : tensors.floats(scale);
    int channels = (int) dy.dim(3);
    taps(
        spec,
        dx,
        dy,
        weight,
        (input, output, tap, count) -> {
          double scaling = scales == null ? 1 : scales[output % channels];
          for (int e = 0; e < count; e++) {
            sums[input + e] += (double) seeds[output] * w[tap + e] * scaling;
          }
        });
    return floats(sums);
  }

  /** The gradients of weight and shift, added to what these hold. */
  float[][] backwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift) {
    float[] in = tensors.floats(x);
    float[] seeds = tensors.floats(dy);
    float[] scales = scale == null ? null : tensors.floats(scale);
    int channels = (int) dy.dim(3);
    double[] sums = doubles(tensors.floats(dWeight));
    taps(
        spec,
        x,
        dy,
        dWeight,
        (input, output, tap, count) -> {
          double scaling = scales == null ? 1 : scales[output % channels];
          for (int e = 0; e < count; e++) {
            sums[tap + e] += (double) in[input + e] * seeds[output] * scaling;
          }
        });
    double[] shifts = doubles(tensors.floats(dShift));
    for (int j = 0; j < seeds.length; j++) {
      shifts[j % channels] += seeds[j];
    }
    return new float[][] {floats(sums), floats(shifts)};
  }

  /** The products of an output element with the input channels of one pixel. */
  private interface Tap {
    void at(int input, int output, int weight, int count);
  }

  private static void taps(Conv2dSpec spec, Tensor x, Tensor y, Tensor weight, Tap tap) {
    int h = (int) x.dim(1);
    int w = (int) x.dim(2);
    int in = (int) x.dim(3);
    int k = spec.kernel();
    int out = (int) y.dim(3);
    int output = 0;
    for (int n = 0; n < y.dim(0); n++) {
      for (int row = 0; row < y.dim(1); row++) {
        for (int column = 0; column < y.dim(2); column++) {
          for (int o = 0; o < out; o++, output++) {
            for (int i = 0; i < k; i++) {
              int r = row * spec.stride() - spec.padding() + i * spec.dilation();
              for (int j = 0; j < k; j++) {
                int c = column * spec.stride() - spec.padding() + j * spec.dilation();
                if (r >= 0 && r < h && c >= 0 && c < w) {
                  tap.at(((n * h + r) * w + c) * in, output, ((o * k + i) * k + j) * in, in);
                }
              }
            }
          }
        }
      }
    }
  }

  private static double[] doubles(float[] values) {
    double[] result = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = values[i];
    }
    return result;
  }

  private static float[] floats(double[] values) {
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = (float) values[i];
    }
    return result;
  }
}
