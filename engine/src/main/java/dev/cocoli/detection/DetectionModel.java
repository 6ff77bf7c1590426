package dev.cocoli.detection;

import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * A detector: what training and detection need to know of one. In: images {@code [h,w,3]} of any
 * size, and for those that need them their proposals; out: detections in the images' pixels, or
 * losses. A subclass may lie outside this library.
 */
public abstract class DetectionModel extends Module {
  private final int classes;

  /**
   * Keeps the number of classes.
   *
   * @param classes K, the background included
   */
  protected DetectionModel(int classes) {
    if (classes < 2) {
      throw new IllegalArgumentException("a detector needs at least one class and the background");
    }
    this.classes = classes;
  }

  /** {@return the number of classes, the background included} */
  public final int classes() {
    return classes;
  }

  /**
   * {@return the objects in each image, the best first; one wait for the device}
   *
   * @param ops a forward pass that records nothing
   * @param inputs the images
   * @param parts receives each part
   */
  public abstract List<List<Detection>> detect(Ops ops, Inputs inputs, PartListener parts);

  /**
   * {@return the names of its losses, at least one, each once, in the order of {@link #loss}} As
   * torchvision's, they begin with {@code loss_}: logs and plots know them by that.
   */
  public abstract List<String> lossNames();

  /**
   * Runs the forward pass of a training step and records its losses on the tape.
   *
   * @param ops a forward pass that records
   * @param inputs the images
   * @param targets the objects of each image, in its pixels
   * @param seed of the samplers
   * @return the losses {@code [L]}, in the order of {@link #lossNames}; read them before the scope
   *     closes
   */
  public abstract Tensor loss(Ops ops, Inputs inputs, List<Target> targets, long seed);

  /** {@return whether it can detect; a model whose training has stages cannot before the last} */
  public boolean isFinished() {
    return true;
  }

  /** {@return whether the regions come from elsewhere, with the images} */
  public boolean needsProposals() {
    return false;
  }

  /** {@return what is fitted to features after the steps; nothing for most models} */
  public Optional<FittedHead> fittedHead() {
    return Optional.empty();
  }

  /**
   * {@return the part of it that a torchvision classifier has under the same keys; nothing if it
   * cannot start from a classifier}
   */
  protected Optional<Module> pretrained() {
    return Optional.empty();
  }

  /**
   * {@return the two fully connected layers that can start from a classifier's {@code classifier.0}
   * and {@code classifier.3}; nothing if it has none such}
   */
  protected Optional<Module> pretrainedHead() {
    return Optional.empty();
  }

  /**
   * {@return the seed for {@link #loss} of a part of a batch, with which its images get the samples
   * that they would get in the whole}
   *
   * @param seed of the whole batch
   * @param firstImage where in the batch the part begins
   */
  public static long seedOfPart(long seed, int firstImage) {
    return seed + ((long) firstImage << 31); // twice that is the image's part in seeds()
  }

  /**
   * One seed per image for a stage of a step.
   *
   * @param seed the seed of the step
   * @param stage the number of the stage
   * @param images the number of images
   * @return the seeds
   */
  protected static long[] seeds(long seed, int stage, int images) {
    long[] seeds = new long[images];
    for (int i = 0; i < images; i++) {
      seeds[i] = SampleKey.mix(seed * 2 + stage + ((long) i << 32));
    }
    return seeds;
  }

  /**
   * The images of a batch in the type that the network computes in; they are handed over.
   *
   * @param ops allocates and casts
   * @param batch the images
   * @return the images as {@code [N,H,W,C]}
   */
  protected static Tensor images(Ops ops, ImageBatch batch) {
    Tensor images = ops.cast(batch.images(), ops.precision().activations());
    if (images != batch.images()) {
      ops.release(batch.images());
    }
    return images;
  }

  /**
   * Throws if the number of targets is not that of the images.
   *
   * @param inputs the images
   * @param targets one target per image
   */
  protected static void requireSameCount(Inputs inputs, List<Target> targets) {
    if (inputs.images().size() != targets.size()) {
      throw new IllegalArgumentException(
          inputs.images().size() + " images with " + targets.size() + " targets");
    }
  }

  /**
   * Uploads boxes as {@code [N,M,4]}; boxes of no extent stand after the last one of an image.
   *
   * @param ops uploads
   * @param boxes a list per image
   * @param most the length M
   * @return the boxes on the device
   */
  protected static Tensor upload(Ops ops, List<List<Box>> boxes, int most) {
    float[] values = new float[boxes.size() * most * 4];
    for (int image = 0; image < boxes.size(); image++) {
      int at = 4 * image * most;
      for (Box box : boxes.get(image)) {
        values[at++] = box.x1();
        values[at++] = box.y1();
        values[at++] = box.x2();
        values[at++] = box.y2();
      }
    }
    return ops.upload(values, boxes.size(), most, 4);
  }

  /**
   * {@return as many of an image's regions as a detector takes}
   *
   * @param regions the regions, the best first
   * @param most how many it takes
   */
  protected static List<Box> best(List<Box> regions, long most) {
    return regions.subList(0, (int) Math.min(regions.size(), most));
  }

  /**
   * The most regions that an image of the batch has; one place stays where none has any.
   *
   * @param regions a list per image
   * @return the length of the longest list, at least 1
   */
  protected static int most(List<List<Box>> regions) {
    return Math.max(1, regions.stream().mapToInt(List::size).max().orElse(0));
  }
}
