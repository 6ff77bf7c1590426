package dev.cocoli.detection;

import dev.cocoli.backend.Backend;
import dev.cocoli.detection.config.StagesConfig;
import dev.cocoli.ops.Ops;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * The part of a model that is fitted to its features once the steps are done: a support vector
 * machine and a linear regression of boxes per class. In: regions of an image; out: their features
 * {@code [R,D]}.
 */
public interface FittedHead {
  /** {@return D} */
  int featureCount();

  /**
   * {@return the features of regions, {@code [R,D]}}
   *
   * @param ops a forward pass that records nothing
   * @param image {@code [h,w,3]}, U8 or F32
   * @param regions one or more, in its pixels
   */
  Tensor features(Ops ops, Tensor image, List<Box> regions);

  /**
   * {@return as many of an image's regions as the model takes}
   *
   * @param regions the regions, the best first
   */
  List<Box> best(List<Box> regions);

  /** {@return how it is fitted} */
  StagesConfig stages();

  /**
   * Sets what was fitted; from here on the model can detect.
   *
   * @param backend where its memory lies
   * @param svmWeight a row of D per class, without the background
   * @param svmBias one per class
   * @param bboxWeight four rows per class: the shift of the centre by the region's size, the
   *     logarithm of the growth; x first
   * @param bboxBias four per class
   */
  void finish(
      Backend backend, float[] svmWeight, float[] svmBias, float[] bboxWeight, float[] bboxBias);

  /** Says that the network has moved on, so that what was fitted does not fit it any more. */
  void reopen();
}
