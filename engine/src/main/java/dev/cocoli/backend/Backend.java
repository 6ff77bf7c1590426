package dev.cocoli.backend;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * The primitives of a device. The caller allocates every tensor, the backend writes; shapes were
 * validated before. A primitive may return before it has run, but primitives run in the order of
 * the calls; only {@link #download} and {@link #synchronize} wait. One thread drives a backend.
 *
 * <p>Activations are {@code [N,H,W,C]}, convolution weights {@code [O,kH,kW,I]}, boxes {@code (x1,
 * y1, x2, y2)} in pixels. Unless said otherwise elements are F32, labels and indices I32, and a
 * parameter that may be {@code null} is named as such. Gradients of parameters are added to what
 * the tensor holds; all else is overwritten.
 *
 * <p>Where {@link #require} allows it, the activations of the dense and elementwise primitives and
 * of RoIAlign, and their gradients, may be BF16: all of a call are then, but the result of a {@link
 * #conv2d} or {@link #linear}, which may be F32. Sums are kept in F32 and rounded once, to the
 * nearest, ties to even. Parameters, statistics and their gradients are F32 throughout; but as in
 * torch's autocast, a shift or bias may be rounded to BF16 before it is added to a BF16 result, and
 * the gradient of a convolution's weights before it is added to what their tensor holds.
 */
public interface Backend extends AutoCloseable {

  // ---- memory

  /** {@return where it computes} */
  Device device();

  /**
   * {@return the queue that runs the calls, a {@code cudaStream_t}, for libraries that order their
   * own work by it; null where a call has run when it returns}
   */
  default MemorySegment computeStream() {
    return MemorySegment.NULL;
  }

  /**
   * {@return whether {@link #upload} copies beside what was called for before, so that it pays to
   * send what the next step needs while this one runs}
   */
  default boolean copiesBeside() {
    return false;
  }

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

  /**
   * Copies host memory to the device. The host's bytes may be overwritten as soon as this returns.
   *
   * @param host as many bytes as the tensor has
   * @param to the tensor
   */
  void upload(MemorySegment host, Tensor to);

  /**
   * Copies numbers to the device.
   *
   * @param values as many as the tensor has elements
   * @param to a tensor of fp32
   */
  default void upload(float[] values, Tensor to) {
    upload(MemorySegment.ofArray(values), to);
  }

  /**
   * Copies numbers to the device and transposes two axes on the way: channels come first in files
   * and last here.
   *
   * @param host fp32 {@code [outer, rows, columns]}, anywhere in the host's memory
   * @param outer number of matrices
   * @param rows of each, in {@code host}
   * @param columns of each, in {@code host}
   * @param to fp32, as many elements; written as {@code [outer, columns, rows]}
   */
  default void uploadTransposed(
      MemorySegment host, long outer, long rows, long columns, Tensor to) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment transposed = arena.allocate(host.byteSize(), Float.BYTES);
      HostLayouts.transpose(host, transposed, outer, rows, columns);
      upload(transposed, to);
    }
  }

  /**
   * Waits for all that was called before, then copies to the host.
   *
   * @param from the tensor
   * @param host as many bytes as the tensor has
   */
  void download(Tensor from, MemorySegment host);

  /**
   * {@return how often {@link #download} was called: a step and a detection have a budget of one}
   */
  long downloadCount();

  /** Waits for all that was called before. */
  void synchronize();

  /**
   * Runs a region that leaves something behind, such as a tape's nodes, and so must run each time.
   * A device may collect its calls and hand them over at once.
   *
   * @param key equal for the same calls
   * @param region the region
   * @param scope where its tensors live
   * @param input its input; released, unless something of the region keeps it
   * @return its results
   */
  default List<Tensor> capture(
      CapturedRegion.Key key, CapturedRegion region, TensorScope scope, Tensor input) {
    return region.run(scope, input);
  }

  /**
   * Runs a region that leaves nothing behind but its results. A device may remember its calls, and
   * then make them without running the region.
   *
   * @param key equal for the same calls
   * @param region the region; where it is remembered, its tensors live in another scope
   * @param scope where its tensors live
   * @param input its input; released
   * @return its results, valid until the next region runs, and at most as long as the scope
   */
  default List<Tensor> replay(
      CapturedRegion.Key key, CapturedRegion region, TensorScope scope, Tensor input) {
    return region.run(scope, input);
  }

  /**
   * {@return an upper bound on the largest of the counts, without waiting: what the device holds
   * where reading it is free, else the capacity}
   *
   * @param counts I32 {@code [N]}
   * @param capacity the most that a count can be
   */
  long upperBound(Tensor counts, long capacity);

  /**
   * Copies all elements.
   *
   * @param from the source
   * @param to as many bytes
   */
  void copy(Tensor from, Tensor to);

  /**
   * Copies the columns {@code [fromColumn, fromColumn + columns)} of one matrix to those from
   * {@code toColumn} on of another: what joins tensors along an axis, and what takes them apart.
   *
   * @param from {@code [R,C]}, any element type
   * @param fromColumn first column read
   * @param to {@code [R,D]}, the same type
   * @param toColumn first column written
   * @param columns how many
   */
  void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns);

  /**
   * Sets every element.
   *
   * @param x F32 or I32; BF16 only for the value 0
   * @param value the value; rounded to an integer for I32
   */
  void fill(Tensor x, float value);

  /**
   * Converts between F32 and BF16, rounding to the nearest, ties to even.
   *
   * @param x F32 or BF16
   * @param y like x, of the other type
   */
  void cast(Tensor x, Tensor y);

  // ---- dense

  /**
   * Convolution: {@code y = activation(conv(x, weight) * scale + shift + residual)}.
   *
   * @param spec window and activation
   * @param x {@code [N,H,W,I]}
   * @param weight {@code [O,kH,kW,I]}
   * @param scale {@code [O]} or null
   * @param shift {@code [O]} (a bias, if there is no scale) or null
   * @param residual like y, or null
   * @param y {@code [N,H',W',O]}
   */
  void conv2d(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y);

  /**
   * Gradient of {@link #conv2d} by its input, given that by the value before the activation.
   *
   * @param spec the window; the activation is not looked at
   * @param dy like y
   * @param weight the weight
   * @param scale the scale or null
   * @param addend like dx, added; may be dx; or null
   * @param dx like x
   */
  void conv2dBackwardData(
      Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor addend, Tensor dx);

  /**
   * Adds the gradients of {@link #conv2d} by its parameters, given that by the value before the
   * activation.
   *
   * @param spec the window; the activation is not looked at
   * @param x the input
   * @param dy like y
   * @param scale the scale or null
   * @param dWeight like the weight; added to
   * @param dShift {@code [O]}, added to, or null
   */
  void conv2dBackwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift);

  /**
   * Fully connected layer: {@code y = activation(x weight^T + bias)}.
   *
   * @param activation applied last
   * @param x {@code [M,I]}
   * @param weight {@code [O,I]}
   * @param bias {@code [O]} or null
   * @param y {@code [M,O]}
   */
  void linear(Activation activation, Tensor x, Tensor weight, Tensor bias, Tensor y);

  /**
   * Gradient of {@link #linear} by its input: {@code dx = dy weight}.
   *
   * @param dy {@code [M,O]}
   * @param weight {@code [O,I]}
   * @param dx {@code [M,I]}
   */
  void linearBackwardData(Tensor dy, Tensor weight, Tensor dx);

  /**
   * Adds the gradients of {@link #linear} by its parameters.
   *
   * @param x {@code [M,I]}
   * @param dy {@code [M,O]}
   * @param dWeight {@code [O,I]}, added to
   * @param dBias {@code [O]}, added to, or null
   */
  void linearBackwardWeight(Tensor x, Tensor dy, Tensor dWeight, Tensor dBias);

  /**
   * Maximum over windows. The first of equal elements wins.
   *
   * @param spec the window
   * @param x {@code [N,H,W,C]}
   * @param y {@code [N,H',W',C]}
   * @param argmax U8 like y: the winner's place in the window, row-major; or null
   */
  void maxPool2d(Pool2dSpec spec, Tensor x, Tensor y, Tensor argmax);

  /**
   * Gradient of {@link #maxPool2d}.
   *
   * @param spec the window
   * @param dy like y
   * @param argmax what the forward call wrote
   * @param dx like x
   */
  void maxPool2dBackward(Pool2dSpec spec, Tensor dy, Tensor argmax, Tensor dx);

  /**
   * Batch normalisation in training over all but the last axis: {@code y = activation((x - mean) *
   * invStd * weight + bias + residual)} with this batch's mean and biased variance. The running
   * statistics move towards the mean and the unbiased variance.
   *
   * @param spec constants and activation
   * @param x {@code [N,H,W,C]}
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param residual like x, or null
   * @param runningMean {@code [C]}, updated
   * @param runningVar {@code [C]}, updated
   * @param mean {@code [C]}, written for the backward call
   * @param invStd {@code [C]}, {@code 1 / sqrt(variance + eps)}, written for the backward call
   * @param y like x
   */
  void batchNorm(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar,
      Tensor mean,
      Tensor invStd,
      Tensor y);

  /** {@return batch normalisation in pieces, for replicas that share statistics; if it has it} */
  default Optional<SplitBatchNorm> splitBatchNorm() {
    return Optional.empty();
  }

  /**
   * Gradients of {@link #batchNorm}.
   *
   * @param spec constants and activation
   * @param x the input
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param residual what the forward call had, or null
   * @param mean what the forward call wrote
   * @param invStd what the forward call wrote
   * @param y the output (for the activation's mask)
   * @param dy like y; overwritten: if there is a residual, by the residual's gradient, which is
   *     that before the activation; else with anything
   * @param dx like x; not dy
   * @param dWeight {@code [C]}, added to, or null together with dBias
   * @param dBias {@code [C]}, added to, or null
   */
  void batchNormBackward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor dx,
      Tensor dWeight,
      Tensor dBias);

  /**
   * Writes a normalisation with fixed statistics as one factor and one addend a channel: {@code
   * scale = weight / sqrt(var + eps)}, {@code shift = bias - mean * scale}.
   *
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param mean {@code [C]}
   * @param var {@code [C]}
   * @param eps added to the variance
   * @param scale {@code [C]}, written
   * @param shift {@code [C]}, written
   */
  void foldBatchNorm(
      Tensor weight, Tensor bias, Tensor mean, Tensor var, float eps, Tensor scale, Tensor shift);

  // ---- elementwise

  /**
   * Sum: {@code y = a + b}; y may be one of them.
   *
   * @param a any shape
   * @param b like a
   * @param y like a
   */
  void add(Tensor a, Tensor b, Tensor y);

  /**
   * Sets the gradient to 0 where the activation's output is not positive.
   *
   * @param y the output of a {@link Activation#RELU}
   * @param dy like y, overwritten
   */
  void reluBackward(Tensor y, Tensor dy);

  /**
   * Enlarges by repeating the nearest pixel, torch's {@code nearest}: source row {@code floor(i * h
   * / H)}; adds another map.
   *
   * @param x {@code [N,h,w,C]}
   * @param addend {@code [N,H,W,C]} or null; may be y
   * @param y {@code [N,H,W,C]}
   */
  void upsampleNearest(Tensor x, Tensor addend, Tensor y);

  /**
   * Gradient of {@link #upsampleNearest} by x.
   *
   * @param dy {@code [N,H,W,C]}
   * @param dx {@code [N,h,w,C]}
   */
  void upsampleNearestBackward(Tensor dy, Tensor dx);

  /**
   * Softmax over each row.
   *
   * @param x {@code [R,K]}
   * @param y like x; may be x
   */
  void softmax(Tensor x, Tensor y);

  /**
   * Picks rows, image by image.
   *
   * @param x {@code [N,R,C]}, F32 or I32
   * @param indices {@code [N,M]}, rows of the same image; a negative one picks zeros (F32) or -1
   *     (I32)
   * @param y {@code [N,M,C]}, the type of x
   */
  void gatherRows(Tensor x, Tensor indices, Tensor y);

  /**
   * Gradient of {@link #gatherRows}: adds rows to where they came from.
   *
   * @param dy {@code [N,M,C]}
   * @param indices {@code [N,M]}; negative ones are skipped, no two of an image are equal
   * @param dx {@code [N,R,C]}, overwritten: zero where no row was picked
   */
  void scatterRows(Tensor dy, Tensor indices, Tensor dx);

  // ---- images

  /**
   * Resizes an image bilinearly (torch's {@code interpolate} with {@code align_corners=False}, no
   * antialiasing), normalises it and writes it into the upper left corner of a slot whose rest
   * becomes 0.
   *
   * @param spec mean and deviation a colour
   * @param image {@code [h,w,3]}; U8 from 0 to 255, or F32 from 0 to 1
   * @param height rows of the resized image
   * @param width columns of the resized image
   * @param slot {@code [H,W,3]}
   */
  void resizeNormalize(NormalizeSpec spec, Tensor image, long height, long width, Tensor slot);

  // ---- regions

  /**
   * The indices of each level's highest scores, in the order of falling scores; equal ones in the
   * order of the indices.
   *
   * @param scores {@code [N,A]}, without NaN
   * @param levelOffsets where each level begins along A, and A at the end
   * @param k how many to take of each level, at most its size
   * @param indices {@code [N,sum of k]}, written level by level; indices along A
   */
  void topK(Tensor scores, long[] levelOffsets, long[] k, Tensor indices);

  /**
   * Decodes chosen deltas against their anchors, clips them to the image and scores them; what is
   * too small or scores too low gets the score -1.
   *
   * @param coder weights
   * @param deltas {@code [N,A,4]}
   * @param logits {@code [N,A]}, of objectness; the score is their sigmoid
   * @param anchors {@code [A,4]}
   * @param indices {@code [N,K]}, which anchors
   * @param imageSizes F32 {@code [N,2]}, height and width of each image in its padded slot
   * @param minSize a box with a shorter side is dropped
   * @param minScore a box that scores less is dropped
   * @param boxes {@code [N,K,4]}, written
   * @param scores {@code [N,K]}, written
   */
  void decodeProposals(
      BoxCoderSpec coder,
      Tensor deltas,
      Tensor logits,
      Tensor anchors,
      Tensor indices,
      Tensor imageSizes,
      float minSize,
      float minScore,
      Tensor boxes,
      Tensor scores);

  /**
   * Decodes every region's boxes of all classes but the background, clips them to the image and
   * scores them by softmax; what is too small, scores too low or belongs to no region gets the
   * score -1.
   *
   * @param coder weights
   * @param logits {@code [N,M,K]}
   * @param deltas {@code [N,M,4K]}
   * @param rois {@code [N,M,5]}: image (negative: no region), box
   * @param imageSizes F32 {@code [N,2]}, height and width
   * @param minSize a box with a shorter side is dropped
   * @param scoreThreshold a box that does not score more is dropped
   * @param boxes {@code [N,M*(K-1),4]}, region by region, class by class; written
   * @param scores {@code [N,M*(K-1)]}, written
   */
  void decodeDetections(
      BoxCoderSpec coder,
      Tensor logits,
      Tensor deltas,
      Tensor rois,
      Tensor imageSizes,
      float minSize,
      float scoreThreshold,
      Tensor boxes,
      Tensor scores);

  /**
   * Non-maximum suppression within groups: a box goes if its IoU with a better one of its group
   * that stays is above the threshold. Boxes with negative scores do not take part. Equal scores
   * stand in the order of their indices.
   *
   * @param iouThreshold the threshold
   * @param boxes {@code [N,K,4]}
   * @param scores {@code [N,K]}
   * @param groups {@code [K]}, the same for every image
   * @param indices {@code [N,M]}: the best M that stay, by falling score; -1 behind the last
   * @param counts {@code [N]}: how many were written
   */
  void nms(
      float iouThreshold,
      Tensor boxes,
      Tensor scores,
      Tensor groups,
      Tensor indices,
      Tensor counts);

  /**
   * Matches boxes with objects by IoU without storing the matrix. Of equally good objects the first
   * wins. What has no width or no height is padding and gets {@link MatchSpec#BETWEEN_THRESHOLDS}.
   *
   * @param spec thresholds
   * @param boxes {@code [N,B,4]}, or {@code [1,B,4]} for the same boxes in every image
   * @param groundTruth {@code [N,G,4]}, the objects, in any order
   * @param groundTruthCounts {@code [N]}, how many an image has
   * @param matches {@code [N,B]}: the object's index, or {@link MatchSpec#BELOW_LOW_THRESHOLD} or
   *     {@link MatchSpec#BETWEEN_THRESHOLDS}
   */
  void matchBoxes(
      MatchSpec spec, Tensor boxes, Tensor groundTruth, Tensor groundTruthCounts, Tensor matches);

  /**
   * Draws matches and background at random without replacement: the candidates whose {@link
   * SampleKey} is smallest. The same seeds draw the same on every backend.
   *
   * @param spec how many
   * @param matches {@code [N,B]} of {@link #matchBoxes}
   * @param seeds one an image
   * @param indices {@code [N,S]}: the sample by rising index; -1 behind the last
   * @param counts {@code [N]}: how many were drawn
   */
  void sampleBalanced(SampleSpec spec, Tensor matches, long[] seeds, Tensor indices, Tensor counts);

  /**
   * What a sample of boxes is to learn.
   *
   * @param coder weights
   * @param boxes {@code [N,B,4]} or {@code [1,B,4]}
   * @param indices {@code [N,S]} of {@link #sampleBalanced}
   * @param matches {@code [N,B]}
   * @param groundTruth {@code [N,G,4]}
   * @param groundTruthLabels {@code [N,G]}, or null if every object has label 1
   * @param rois {@code [N*S,5]}: image and box, image -1 where there is no sample; or null
   * @param labels {@code [N*S]}: the object's label, 0 for background, -1 where there is no sample
   * @param targets {@code [N*S,4]}: the deltas of the matched object, 0 where there is none
   */
  void sampleTargets(
      BoxCoderSpec coder,
      Tensor boxes,
      Tensor indices,
      Tensor matches,
      Tensor groundTruth,
      Tensor groundTruthLabels,
      Tensor rois,
      Tensor labels,
      Tensor targets);

  /**
   * RoIAlign: each region is pooled from the one map that fits its size.
   *
   * @param spec bins, samples, scales
   * @param maps one {@code [N,H,W,C]} a scale
   * @param rois {@code [R,5]}: image (negative: the output is 0) and box in pixels of the padded
   *     image
   * @param y {@code [R,bins,bins,C]}
   */
  void roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y);

  /**
   * Gradient of {@link #roiAlign} by the maps.
   *
   * @param spec bins, samples, scales
   * @param dy like y
   * @param rois the regions
   * @param dMaps like the maps; overwritten
   */
  void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps);

  /**
   * RoIPool: the maxima of each region's bins. The first of equal elements wins, row by row; a bin
   * without a pixel is 0.
   *
   * @param spec bins, scale
   * @param map {@code [N,H,W,C]}
   * @param rois {@code [R,5]}: image (negative: the output is 0) and box in pixels of the padded
   *     image
   * @param y {@code [R,bins,bins,C]}
   * @param argmax I32 like y: the winner's place in the map, {@code row * W + column}, -1 for none;
   *     or null
   */
  void roiPool(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax);

  /**
   * Gradient of {@link #roiPool} by the map.
   *
   * @param spec bins, scale
   * @param dy like y
   * @param rois the regions
   * @param argmax what the forward call wrote
   * @param dMap like the map; overwritten
   */
  void roiPoolBackward(RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap);

  /**
   * Copies patches of maps around the locations of sampled anchors.
   *
   * @param spec the window, and the anchors per location
   * @param maps {@code [N,H,W,C]}, F32 or BF16: one per level
   * @param anchors I32 {@code [N,S]}: numbers of anchors, level by level, row by row, column by
   *     column, slot by slot, no two of an image equal; negative for none
   * @param patches {@code [N*S,window,window,C]}: zeros outside of a map, and for none; overwritten
   * @param slots I32 {@code [N*S,1]}: which of its location's anchors each is, -1 for none;
   *     overwritten
   */
  void gatherPatches(
      PatchSpec spec, List<Tensor> maps, Tensor anchors, Tensor patches, Tensor slots);

  /**
   * Gradient of {@link #gatherPatches} by the maps, added to what their gradients hold. The sum of
   * a pixel's parts has one order in every run.
   *
   * @param spec the window, and the anchors per location
   * @param dPatches like the patches
   * @param anchors the anchors
   * @param dMaps like the maps; added to
   */
  void gatherPatchesBackward(PatchSpec spec, Tensor dPatches, Tensor anchors, List<Tensor> dMaps);

  // ---- losses and the update

  /**
   * Mean softmax cross entropy over the rows whose label is not negative, and its gradient; 0 if
   * there are none.
   *
   * @param logits {@code [R,K]}
   * @param labels {@code [R]}
   * @param loss {@code [1]}
   * @param dLogits like the logits
   */
  void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits);

  /**
   * Mean binary cross entropy with logits over the elements whose label is not negative, and its
   * gradient; 0 if there are none.
   *
   * @param logits {@code [R]}
   * @param labels {@code [R]}: 0, or positive for 1
   * @param loss {@code [1]}
   * @param dLogits like the logits
   */
  void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits);

  /**
   * Sum of the smooth L1 losses of the rows with positive labels, divided by the number of rows
   * whose label is not negative, and its gradient (Girshick 2015; torch's {@code smooth_l1_loss}).
   *
   * @param beta where the parabola meets the line; 0 is plain L1
   * @param predictions {@code [R,4]}, or {@code [R,4K]} where a row's label says which four count
   * @param targets {@code [R,4]}
   * @param labels {@code [R]}
   * @param loss {@code [1]}
   * @param dPredictions like the predictions
   */
  void smoothL1(
      float beta,
      Tensor predictions,
      Tensor targets,
      Tensor labels,
      Tensor loss,
      Tensor dPredictions);

  /**
   * The sum of squares, accumulated in double precision where that is free. Not finite if an
   * element is not.
   *
   * @param x any shape
   * @param sum {@code [1]}
   */
  void squaredNorm(Tensor x, Tensor sum);

  /**
   * Scales a gradient down to a norm, as {@code torch.nn.utils.clip_grad_norm_} does.
   *
   * @param gradient overwritten
   * @param squaredNorm {@code [1]} of {@link #squaredNorm}
   * @param maxNorm the most that the norm may be
   */
  void clipByNorm(Tensor gradient, Tensor squaredNorm, float maxNorm);

  /**
   * {@code velocity = momentum * velocity + gradient + weightDecay * parameter; parameter -=
   * learningRate * velocity}.
   *
   * @param spec constants
   * @param parameter updated
   * @param gradient like the parameter
   * @param velocity like the parameter, updated
   */
  void sgdUpdate(SgdSpec spec, Tensor parameter, Tensor gradient, Tensor velocity);

  /** Frees everything that the backend holds. */
  @Override
  void close();
}
