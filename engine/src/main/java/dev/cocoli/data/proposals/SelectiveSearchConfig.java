package dev.cocoli.data.proposals;

import java.util.Locale;
import java.util.Objects;

/**
 * The configuration of selective search.
 *
 * @param mode the set of groupings that are combined
 * @param maxProposals the largest number of regions per image; the best are kept
 * @param seed the seed of the random order of the regions; the same seed gives the same regions
 * @param threads the number of colour spaces and scales of one image that are processed at once;
 *     the result does not depend on it
 */
public record SelectiveSearchConfig(
    SelectiveSearchMode mode, int maxProposals, long seed, int threads) {
  /** The number of regions per image that R-CNN and Fast R-CNN use. */
  public static final int DEFAULT_MAX_PROPOSALS = 2000;

  /** Checks the numbers. */
  public SelectiveSearchConfig {
    Objects.requireNonNull(mode, "mode");
    if (maxProposals < 1) {
      throw new IllegalArgumentException("maxProposals is at least 1, not " + maxProposals);
    }
    if (threads < 1) {
      throw new IllegalArgumentException("threads is at least 1, not " + threads);
    }
  }

  /** {@return the fast mode, up to 2,000 regions, one thread} */
  public static SelectiveSearchConfig fast() {
    return of(SelectiveSearchMode.FAST);
  }

  /** {@return the quality mode, up to 2,000 regions, one thread} */
  public static SelectiveSearchConfig quality() {
    return of(SelectiveSearchMode.QUALITY);
  }

  /**
   * {@return a mode with up to 2,000 regions and one thread}
   *
   * @param mode the set of groupings that are combined
   */
  public static SelectiveSearchConfig of(SelectiveSearchMode mode) {
    return new SelectiveSearchConfig(mode, DEFAULT_MAX_PROPOSALS, 0, 1);
  }

  /**
   * {@return this with another number of regions}
   *
   * @param count the largest number of regions per image
   */
  public SelectiveSearchConfig withMaxProposals(int count) {
    return new SelectiveSearchConfig(mode, count, seed, threads);
  }

  /**
   * {@return this with another seed}
   *
   * @param number the seed
   */
  public SelectiveSearchConfig withSeed(long number) {
    return new SelectiveSearchConfig(mode, maxProposals, number, threads);
  }

  /**
   * {@return this with another number of threads}
   *
   * @param count the number of threads per image
   */
  public SelectiveSearchConfig withThreads(int count) {
    return new SelectiveSearchConfig(mode, maxProposals, seed, count);
  }

  /** {@return all parameters that the regions depend on, in words, for the record} */
  public String settings() {
    return "selective search, mode %s, at most %d regions, seed %d"
        .formatted(mode.name().toLowerCase(Locale.ROOT), maxProposals, seed);
  }
}
