package dev.cocoli.backend.cpu.loops;

import java.util.Arrays;

/**
 * Where the samples of a region fall along one axis: for each bin the pixels that they touch, in
 * rising order, and the mean weight of each. Since RoIAlign's bilinear weights are products of one
 * weight an axis, samples that share a pixel are merged here.
 */
final class RoiAxis {
  /** Where each bin's pixels begin; the end at last. */
  int[] starts = new int[0];

  /** The pixels, bin by bin. */
  int[] pixels = new int[0];

  /** Their weights. */
  float[] weights = new float[0];

  /**
   * Lays the samples of all bins.
   *
   * @param start where the region begins, in pixels of the map
   * @param extent the region's extent
   * @param bins bins along the axis
   * @param samplingRatio samples a bin; 0 or less takes one a pixel
   * @param size extent of the map
   */
  void place(float start, float extent, int bins, int samplingRatio, int size) {
    float binSize = extent / bins;
    int samples = samplingRatio > 0 ? samplingRatio : (int) Math.ceil(binSize);
    if (starts.length != bins + 1) {
      starts = new int[bins + 1];
    }
    int count = 0;
    for (int bin = 0; bin < bins; bin++) {
      starts[bin] = count;
      for (int i = 0; i < samples; i++) {
        float at = start + bin * binSize + (i + 0.5f) * binSize / samples;
        if (at < -1 || at > size) {
          continue;
        }
        at = Math.max(at, 0);
        int low = Math.min((int) at, size - 1);
        // from the last pixel's centre on there is nothing to interpolate with
        float high = low == size - 1 ? 0 : at - low;
        count = add(starts[bin], count, low, (1 - high) / samples);
        if (low < size - 1) {
          count = add(starts[bin], count, low + 1, high / samples);
        }
      }
    }
    starts[bins] = count;
  }

  /** {@return the number of bins} */
  int bins() {
    return starts.length - 1;
  }

  /**
   * {@return how many pixels a bin touches}
   *
   * @param bin which
   */
  int count(int bin) {
    return starts[bin + 1] - starts[bin];
  }

  /**
   * {@return the weight of a pixel in a bin}
   *
   * @param bin which bin
   * @param pixel which pixel
   */
  float weight(int bin, int pixel) {
    for (int i = starts[bin]; i < starts[bin + 1] && pixels[i] <= pixel; i++) {
      if (pixels[i] == pixel) {
        return weights[i];
      }
    }
    return 0;
  }

  /** {@return the first pixel that any bin touches, or -1 if there is none} */
  int first() {
    int first = -1;
    for (int bin = 0; bin < bins(); bin++) {
      if (starts[bin] < starts[bin + 1] && (first < 0 || pixels[starts[bin]] < first)) {
        first = pixels[starts[bin]];
      }
    }
    return first;
  }

  /** {@return the last pixel that any bin touches, or -1 if there is none} */
  int last() {
    int last = -1;
    for (int bin = 0; bin < bins(); bin++) {
      if (starts[bin] < starts[bin + 1]) {
        last = Math.max(last, pixels[starts[bin + 1] - 1]);
      }
    }
    return last;
  }

  private int add(int binStart, int count, int pixel, float weight) {
    for (int i = count - 1; i >= binStart && pixels[i] >= pixel; i--) {
      if (pixels[i] == pixel) {
        weights[i] += weight;
        return count;
      }
    }
    if (count == pixels.length) {
      pixels = Arrays.copyOf(pixels, Math.max(64, 2 * count));
      weights = Arrays.copyOf(weights, pixels.length);
    }
    pixels[count] = pixel;
    weights[count] = weight;
    return count + 1;
  }
}
