package dev.cocoli.data.proposals;

import java.util.Locale;
import java.util.Objects;

/**
 * How to search.
 *
 * @param mode how many groupings are combined
 * @param maxProposals the most regions of an image, the best kept
 * @param seed draws the order of regions of like rank; the same seed gives the same regions
 * @param threads how many colour spaces and scales of one image are worked on at once; the result
 *     does not depend on it
 */
public record SelectiveSearchConfig(
    SelectiveSearchMode mode, int maxProposals, long seed, int threads) {
  /** As many as R-CNN and Fast R-CNN take of an image. */
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
   * @param mode how many groupings are combined
   */
  public static SelectiveSearchConfig of(SelectiveSearchMode mode) {
    return new SelectiveSearchConfig(mode, DEFAULT_MAX_PROPOSALS, 0, 1);
  }

  /**
   * {@return this with another number of regions}
   *
   * @param count the most regions of an image
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
   * @param count the threads of one image
   */
  public SelectiveSearchConfig withThreads(int count) {
    return new SelectiveSearchConfig(mode, maxProposals, seed, count);
  }

  /** {@return what the regions depend on, in words, for the record} */
  public String settings() {
    return "selective search, mode %s, at most %d regions, seed %d"
        .formatted(mode.name().toLowerCase(Locale.ROOT), maxProposals, seed);
  }
}
