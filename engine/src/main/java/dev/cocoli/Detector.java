package dev.cocoli;

import dev.cocoli.backend.Backend;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.proposals.CheckedProposals;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.ModelBuilder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A detector that is ready to run: a model, its weights and a device.
 *
 * <pre>{@code
 * try (Detector detector = Detector.open(Path.of("best.safetensors"))) {
 *   for (Detection found : detector.detect(Path.of("street.jpg"))) {
 *     System.out.println(found.className() + " " + found.score() + " " + found.box());
 *   }
 * }
 * }</pre>
 *
 * <p>Any number of threads may call it, virtual ones too. On the processor, as many calls as {@link
 * DetectorOptions#concurrency} run side by side over the same weights, each with its own threads
 * and memory for activations; the others wait for their turn. On a GPU one call runs at a time, and
 * images of calls that wait go through the network together if they have the same size there; what
 * is found is the same but for the rounding of sums. The work is done by threads of the detector's
 * own: a caller's interrupt does not end it. An exception has the stack trace of the thread that it
 * was thrown on, and the caller's as a suppressed one. For an image that Java's heap has no room to
 * decode, that is an {@link OutOfMemoryError}, which says how much it needs.
 *
 * <p>{@link #withScoreThreshold} and {@link #withProposals} return views of the same detector:
 * closing one closes all.
 */
public final class Detector implements AutoCloseable {
  private static final ImageDecoder DECODER = new ImageDecoder();
  private static final String NO_NAME = "the image";

  private final OpenedDetector opened;
  private final ProposalSource proposals;
  private final float scoreThreshold;

  private Detector(OpenedDetector opened, ProposalSource proposals, float scoreThreshold) {
    this.opened = opened;
    this.proposals = proposals;
    this.scoreThreshold = scoreThreshold;
  }

  private Detector(OpenedDetector opened, float scoreThreshold) {
    this(opened, new SelectiveSearch(SelectiveSearchConfig.fast()), scoreThreshold);
  }

  /**
   * Opens a detector that training here wrote, with the default options.
   *
   * @param weights the weights file, in a file system of any kind
   * @return the detector
   * @throws IOException if the file cannot be used; the message says why
   */
  public static Detector open(Path weights) throws IOException {
    return open(weights, DetectorOptions.DEFAULT);
  }

  /**
   * Opens a detector that training here wrote.
   *
   * @param weights the weights file
   * @param device where it runs
   * @return the detector
   * @throws IOException if the file cannot be used or does not say what model it is for
   */
  public static Detector open(Path weights, Device device) throws IOException {
    return open(weights, DetectorOptions.DEFAULT.withDevice(device));
  }

  /**
   * Opens a detector of a program's own that training here wrote, on the processor.
   *
   * @param weights the weights file
   * @param builder the builder that it was trained with
   * @return the detector
   * @throws IOException if the file cannot be used or does not fit what the builder makes
   */
  public static Detector open(Path weights, ModelBuilder builder) throws IOException {
    return open(weights, DetectorOptions.DEFAULT.withBuilder(builder));
  }

  /**
   * Opens a detector.
   *
   * @param weights the weights file, in a file system of any kind
   * @param options how
   * @return the detector
   * @throws IOException if the file cannot be used, does not fit the model, or does not say what
   *     model it is for and the options do not either
   * @throws IllegalArgumentException if the device cannot be used, or does not compute in the
   *     precision; the message says what is missing
   */
  public static Detector open(Path weights, DetectorOptions options) throws IOException {
    return open(() -> WeightsFile.open(weights), options);
  }

  /**
   * Opens a detector whose weights are in memory, with the default options.
   *
   * @param weights the bytes of a weights file
   * @return the detector
   * @throws IOException as {@link #open(InputStream, DetectorOptions)}
   */
  public static Detector open(byte[] weights) throws IOException {
    return open(weights, DetectorOptions.DEFAULT);
  }

  /**
   * Opens a detector whose weights are in memory.
   *
   * @param weights the bytes of a weights file
   * @param options how
   * @return the detector
   * @throws IOException as {@link #open(InputStream, DetectorOptions)}
   */
  public static Detector open(byte[] weights, DetectorOptions options) throws IOException {
    return open(new ByteArrayInputStream(weights), options);
  }

  /**
   * Opens a detector whose weights come from a stream, such as a resource of the program, with the
   * default options.
   *
   * @param weights the bytes of a weights file
   * @return the detector
   * @throws IOException as {@link #open(InputStream, DetectorOptions)}
   */
  public static Detector open(InputStream weights) throws IOException {
    return open(weights, DetectorOptions.DEFAULT);
  }

  /**
   * Opens a detector whose weights come from a stream. They pass through a temporary file, which is
   * deleted when this returns.
   *
   * @param weights the bytes of a weights file, read to their end; not closed
   * @param options how
   * @return the detector
   * @throws IOException if the stream cannot be read, or as {@link #open(Path, DetectorOptions)}
   */
  public static Detector open(InputStream weights, DetectorOptions options) throws IOException {
    return open(() -> WeightsFile.open(weights, Path.of("the weights")), options);
  }

  private static Detector open(OpenedDetector.Source weights, DetectorOptions options)
      throws IOException {
    return new Detector(OpenedDetector.open(weights, options), options.scoreThreshold());
  }

  /**
   * {@return a detector over a model that lives elsewhere, such as one that is being trained;
   * closing it leaves that alone} Calls run on their own threads, one after the other, and all
   * detections that the model reports are returned.
   *
   * @param spec what the model is
   * @param model the model, with memory
   * @param backend where that lies
   * @param precision what it computes in
   */
  public static Detector over(
      ModelSpec spec, DetectionModel model, Backend backend, Precision precision) {
    Network network = new Network(spec, model, backend, precision, null);
    return new Detector(OpenedDetector.over(network), 0);
  }

  /**
   * {@return this detector with another source of regions, which an R-CNN or a Fast R-CNN needs;
   * without that, selective search in its fast mode finds them on each image} Faster R-CNN finds
   * its own. Closing it closes this one, too.
   *
   * @param source gives the regions of an image; threads may call it at once
   */
  public Detector withProposals(ProposalSource source) {
    return new Detector(opened, source, scoreThreshold);
  }

  /**
   * {@return this detector with another threshold} Closing it closes this one, too.
   *
   * @param threshold detections that do not score more are left out, 0 to 1; with 0, all are
   *     returned that the model reports
   * @throws IllegalArgumentException if it is no such number
   */
  public Detector withScoreThreshold(float threshold) {
    DetectorOptions.requireFraction(threshold);
    return new Detector(opened, proposals, threshold);
  }

  /** {@return what it runs} */
  public ModelSpec spec() {
    return opened.spec();
  }

  /**
   * {@return a copy of its weights under torchvision's keys, in torch's layouts}
   *
   * @param arena where the copy is allocated
   */
  public Map<String, Safetensors.Entry> stateDict(Arena arena) {
    return opened.stateDict(arena);
  }

  /** {@return where it runs} */
  public Device device() {
    return opened.device();
  }

  /** {@return what it computes in} */
  public Precision precision() {
    return opened.precision();
  }

  /** {@return the score that a detection has to exceed} */
  public float scoreThreshold() {
    return scoreThreshold;
  }

  /**
   * {@return the name of a detection's class}
   *
   * @param detection one of this detector's
   * @throws IllegalArgumentException if its label is none of this detector's
   */
  public String className(Detection detection) {
    List<String> names = opened.spec().classNames();
    int label = detection.label();
    if (label < 1 || label > names.size()) {
      throw new IllegalArgumentException(
          "label %d is none of this detector's, which are 1 to %d".formatted(label, names.size()));
    }
    return names.get(label - 1);
  }

  /**
   * {@return the objects in an image file, the best first, in its pixels as it is shown upright}
   *
   * @param path a JPEG, PNG, BMP or GIF file, in a file system of any kind
   * @throws ImageDecodeException if it is no whole image
   */
  public List<Detection> detect(Path path) {
    try (Image image = DECODER.decode(path)) {
      return detect(image(path, image), image, PartListener.NONE);
    }
  }

  /**
   * {@return the objects in an image, the best first, in its pixels as it is shown upright}
   *
   * @param file the bytes of a JPEG, PNG, BMP or GIF file
   * @throws ImageDecodeException if it is no whole image
   */
  public List<Detection> detect(byte[] file) {
    try (Image image = DECODER.decode(file, NO_NAME)) {
      return detect(image);
    }
  }

  /**
   * {@return the objects in an image, the best first, in its pixels as it is shown upright}
   *
   * @param file the bytes of a JPEG, PNG, BMP or GIF file, read to their end; not closed
   * @throws ImageDecodeException if it cannot be read or is no whole image
   */
  public List<Detection> detect(InputStream file) {
    try (Image image = DECODER.decode(file, NO_NAME)) {
      return detect(image);
    }
  }

  /**
   * {@return the objects in an image, the best first, in its pixels}
   *
   * <p>The pixels are taken as they are. {@code ImageIO} does not turn a photo by the orientation
   * in its EXIF data, so that one of a phone may lie on its side, where objects are not found: turn
   * it, or give the file or its bytes to {@link #detect(Path)} or {@link #detect(byte[])}, or
   * decode it by {@link ImageDecoder}, which all do.
   *
   * @param buffered the image, of any type
   */
  public List<Detection> detect(BufferedImage buffered) {
    try (Image image = Image.of(buffered)) {
      return detect(image);
    }
  }

  /**
   * {@return the objects in an image, the best first, in its pixels}
   *
   * @param image the image; not closed
   */
  public List<Detection> detect(Image image) {
    return detect(List.of(image)).getFirst();
  }

  /**
   * {@return the objects in each of several images that go through the network together} Smaller
   * ones are padded to the size of the largest, which can change boxes and scores a little.
   *
   * @param images any number; not closed
   */
  public List<List<Detection>> detect(List<Image> images) {
    List<List<Box>> regions = new ArrayList<>();
    for (Image image : images) {
      regions.add(
          opened.needsProposals() ? find(image(Path.of("image"), image), image) : List.of());
    }
    return detect(images, regions, PartListener.NONE);
  }

  /**
   * {@return the objects in an image of a data set, the best first, in its pixels}
   *
   * @param annotated which image that is, by which a file of proposals knows it
   * @param image its pixels; not closed
   * @param parts receives its regions, the network and the head as they are done, on a thread of
   *     the detector
   */
  public List<Detection> detect(AnnotatedImage annotated, Image image, PartListener parts) {
    boolean needed = opened.needsProposals();
    List<Box> regions = needed ? find(annotated, image) : List.of();
    List<DetectionPart> done = needed ? List.of(DetectionPart.PROPOSALS) : List.of();
    return detect(List.of(image), List.of(regions), done, parts).getFirst();
  }

  /**
   * {@return the objects in each of several images whose regions are known}
   *
   * @param images any number; not closed
   * @param regions of each, in its pixels, the best first; empty for a detector that finds its own
   * @param parts receives each part, on a thread of the detector
   */
  public List<List<Detection>> detect(
      List<Image> images, List<List<Box>> regions, PartListener parts) {
    return detect(images, regions, List.of(), parts);
  }

  private List<List<Detection>> detect(
      List<Image> images, List<List<Box>> regions, List<DetectionPart> done, PartListener parts) {
    if (images.isEmpty()) {
      return List.of();
    }
    DetectionCall call =
        new DetectionCall(images, regions, done, parts, opened.sizeOfAll(images, parts));
    return opened.calls().run(call).stream().map(this::scoringEnough).toList();
  }

  private List<Detection> scoringEnough(List<Detection> found) {
    return found.stream()
        .filter(detection -> detection.score() > scoreThreshold)
        .map(detection -> detection.named(className(detection)))
        .toList();
  }

  private static AnnotatedImage image(Path path, Image image) {
    String name = String.valueOf(path.getFileName());
    return new AnnotatedImage(0, name, path, image.width(), image.height(), List.of());
  }

  private List<Box> find(AnnotatedImage annotated, Image image) {
    return new CheckedProposals(proposals).proposals(annotated, image);
  }

  /**
   * Waits for the calls in progress, those that wait for their turn among them, and frees memory
   * and threads. Later calls, of this and its views, throw an {@link IllegalStateException}. A
   * second close does nothing.
   */
  @Override
  public void close() {
    opened.close();
  }
}
