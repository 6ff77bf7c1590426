package dev.cocoli.data;

import dev.cocoli.backend.spec.SampleKey;
import java.util.random.RandomGenerator;

/**
 * The order of the images in an epoch and the random numbers of their augmentations, as a function
 * of seed, epoch and image alone, so that a run can resume in the middle of an epoch without
 * replaying its start. The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", 2014), written out because the numbers must not change with the
 * JDK.
 */
final class EpochOrder {

  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  /** Makes the random numbers of augmentations differ from those of the shuffle. */
  private static final long AUGMENTATIONS = 0x666C697073L;

  private EpochOrder() {}

  /** A permutation of 0 to size - 1 (Fisher and Yates). */
  static int[] shuffled(long seed, int epoch, int size) {
    int[] order = new int[size];
    for (int i = 0; i < size; i++) {
      order[i] = i;
    }
    long state = mix(mix(seed) + epoch);
    for (int i = size - 1; i > 0; i--) {
      state += GOLDEN_GAMMA;
      int other = (int) Math.unsignedMultiplyHigh(mix(state), i + 1L);
      int swapped = order[i];
      order[i] = order[other];
      order[other] = swapped;
    }
    return order;
  }

  /**
   * The random numbers for one augmentation of one image.
   *
   * @param place of the augmentation in the list
   */
  static RandomGenerator random(long seed, int epoch, int index, int place) {
    long start = mix(mix((seed ^ AUGMENTATIONS) + place * GOLDEN_GAMMA) + epoch) + index;
    return new RandomGenerator() {
      private long state = start;

      @Override
      public long nextLong() {
        long next = mix(state);
        state += GOLDEN_GAMMA;
        return next;
      }

      @Override
      public double nextDouble() {
        return (nextLong() >>> 11) * 0x1p-53;
      }
    };
  }

  /** SplitMix64's finalizer on the next state. */
  private static long mix(long value) {
    return SampleKey.mix(value + GOLDEN_GAMMA);
  }
}
