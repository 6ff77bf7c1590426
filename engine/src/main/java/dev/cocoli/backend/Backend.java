package dev.cocoli.backend;

import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.Copies;
import dev.cocoli.backend.primitives.Dense;
import dev.cocoli.backend.primitives.Elementwise;
import dev.cocoli.backend.primitives.Images;
import dev.cocoli.backend.primitives.Losses;
import dev.cocoli.backend.primitives.Matching;
import dev.cocoli.backend.primitives.Norms;
import dev.cocoli.backend.primitives.Patches;
import dev.cocoli.backend.primitives.Pooling;
import dev.cocoli.backend.primitives.Proposals;
import dev.cocoli.backend.primitives.Regions;
import dev.cocoli.backend.primitives.SplitBatchNorm;
import dev.cocoli.backend.primitives.Transfers;
import dev.cocoli.backend.primitives.Updates;
import dev.cocoli.backend.primitives.Upsampling;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;

/**
 * A device that computes: its memory, and its primitives by facet. The caller allocates every
 * tensor, a primitive writes; shapes were validated before. A primitive may return before it has
 * run, but primitives run in the order of the calls; only {@link Transfers#download} and {@link
 * Transfers#synchronize} wait. One thread drives a backend.
 *
 * <p>The package of the facets has the conventions that all primitives share.
 */
public interface Backend extends AutoCloseable {
  /** {@return where it computes} */
  Device device();

  /**
   * Does nothing if this backend computes in a precision.
   *
   * @param precision the precision
   * @throws IllegalArgumentException if it does not; the message says what is missing
   */
  default void require(Precision precision) {
    if (precision != Precision.FP32) {
      throw new IllegalArgumentException(device() + " does not compute in " + precision);
    }
  }

  /** {@return the pool that scopes of this device draw from} */
  BufferPool pool();

  /** {@return what is kept on the device because it follows from shapes alone} */
  Constants constants();

  /**
   * {@return zeroed memory outside the pool, for what lives longer than a step}
   *
   * @param byteSize its size
   */
  Buffer allocate(long byteSize);

  /** {@return uploads, downloads and waits} */
  Transfers transfers();

  /** {@return copies, fills and conversions} */
  Copies copies();

  /** {@return convolutions and their gradients} */
  Convolutions convolutions();

  /** {@return fully connected layers and their gradients} */
  Dense dense();

  /** {@return batch normalisation and its gradient} */
  Norms norms();

  /** {@return batch normalisation in pieces, for replicas that share statistics} */
  SplitBatchNorm splitBatchNorm();

  /** {@return sums and masks} */
  Elementwise elementwise();

  /** {@return maxima over windows and their gradient} */
  Pooling pooling();

  /** {@return enlarged maps and their gradient} */
  Upsampling upsampling();

  /** {@return resized and normalised images} */
  Images images();

  /** {@return selection, decoding and suppression of boxes} */
  Proposals proposals();

  /** {@return matches of boxes with objects, samples and their targets} */
  Matching matching();

  /** {@return picked rows and pooled regions, and their gradients} */
  Regions regions();

  /** {@return the surroundings of anchors, and their gradient} */
  Patches patches();

  /** {@return losses with their gradients} */
  Losses losses();

  /** {@return what happens to gradients and parameters between two steps} */
  Updates updates();

  /** {@return what runs regions that leave only results; unless overridden, call by call} */
  default Replays replays() {
    return (key, region, scope, input) -> region.run(scope, input);
  }

  /** Frees everything that the backend holds. */
  @Override
  void close();
}
