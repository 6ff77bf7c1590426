package dev.cocoli.train.rcnn;

/**
 * Several linear functions of the same D numbers.
 *
 * @param weight {@code [O,D]}
 * @param bias {@code [O]}
 */
record LinearModels(float[] weight, float[] bias) {

  /** O functions of D numbers that are 0 everywhere. */
  static LinearModels zeros(int outputs, int inputs) {
    return new LinearModels(new float[outputs * inputs], new float[outputs]);
  }

  /** The value of a function. */
  float at(int output, float[] x) {
    float sum = 0;
    int row = output * x.length;
    for (int i = 0; i < x.length; i++) {
      sum += weight[row + i] * x[i];
    }
    return sum + bias[output];
  }

  void set(int output, float[] row, float newBias) {
    System.arraycopy(row, 0, weight, output * row.length, row.length);
    bias[output] = newBias;
  }

  /** The same functions of numbers that were not scaled beforehand. */
  LinearModels ofUnscaled(float scale) {
    float[] scaled = weight.clone();
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] *= scale;
    }
    return new LinearModels(scaled, bias.clone());
  }
}
