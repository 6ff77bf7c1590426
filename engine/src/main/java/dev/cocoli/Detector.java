package dev.cocoli;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.proposals.CheckedProposals;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.ModelBuilder;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A detector that is ready to run: a model, its weights and a device. Calls from several threads
 * wait for each other.
 *
 * <pre>{@code
 * try (Detector detector = Detector.open(Path.of("best.safetensors"))) {
 *   for (Detection found : detector.detect(Path.of("street.jpg"))) {
 *     System.out.println(detector.className(found) + " " + found.score() + " " + found.box());
 *   }
 * }
 * }</pre>
 */
public final class Detector implements AutoCloseable {
  private final ModelSpec spec;
  private final DetectionModel model;
  private final Backend backend;
  private final ParameterArena parameters;
  private final Precision precision;
  private final boolean ownsAll;
  private ProposalSource proposals = new SelectiveSearch(SelectiveSearchConfig.fast());
  private boolean closed;

  private Detector(
      ModelSpec spec,
      DetectionModel model,
      Backend backend,
      ParameterArena parameters,
      Precision precision,
      boolean ownsAll) {
    this.spec = spec;
    this.model = model;
    this.backend = backend;
    this.parameters = parameters;
    this.precision = precision;
    this.ownsAll = ownsAll;
  }

  /**
   * Opens a detector that training here wrote, on the processor.
   *
   * @param weights the weights file
   * @return the detector
   * @throws IOException if the file cannot be used; the message says why
   */
  public static Detector open(Path weights) throws IOException {
    return open(weights, Device.CPU);
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
    try (WeightsFile file = WeightsFile.open(weights)) {
      return open(file, described(file, file.spec()), device, Precision.FP32);
    }
  }

  /**
   * Opens a detector whose weights may be bare, or whose hyper-parameters differ from those in the
   * file.
   *
   * @param weights the weights file
   * @param spec the model
   * @param device where it runs
   * @return the detector
   * @throws IOException if the file cannot be used or does not fit the model
   */
  public static Detector open(Path weights, ModelSpec spec, Device device) throws IOException {
    return open(weights, spec, device, Precision.FP32);
  }

  /**
   * Opens a detector that computes in a given precision, whatever it was trained in. Its weights
   * may be bare, or its hyper-parameters differ from those in the file.
   *
   * @param weights the weights file
   * @param spec the model
   * @param device where it runs
   * @param precision what it computes in
   * @return the detector
   * @throws IOException if the file cannot be used or does not fit the model
   * @throws IllegalArgumentException if the device does not compute in that precision
   */
  public static Detector open(Path weights, ModelSpec spec, Device device, Precision precision)
      throws IOException {
    try (WeightsFile file = WeightsFile.open(weights)) {
      return open(file, spec, device, precision);
    }
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
    return open(weights, builder, Device.CPU);
  }

  /**
   * Opens a detector of a program's own that training here wrote.
   *
   * @param weights the weights file
   * @param builder the builder that it was trained with
   * @param device where it runs
   * @return the detector
   * @throws IOException if the file cannot be used or does not fit what the builder makes
   */
  public static Detector open(Path weights, ModelBuilder builder, Device device)
      throws IOException {
    try (WeightsFile file = WeightsFile.open(weights)) {
      return open(file, described(file, file.spec(builder)), device, Precision.FP32);
    }
  }

  private static ModelSpec described(WeightsFile file, Optional<ModelSpec> spec)
      throws IOException {
    return spec.orElseThrow(
        () ->
            new IOException(
                file.path()
                    + " does not say what model it is for: name the model and its classes"));
  }

  private static Detector open(WeightsFile file, ModelSpec spec, Device device, Precision precision)
      throws IOException {
    DetectionModel model = spec.build();
    Backend backend = Backends.open(device);
    ParameterArena parameters = null;
    try {
      backend.require(precision);
      parameters = ParameterArena.forInference(backend, model);
      file.load(model, backend);
      requireFinished(file, model);
      return new Detector(spec, model, backend, parameters, precision, true);
    } catch (IOException | RuntimeException e) {
      if (parameters != null) {
        parameters.close();
      }
      backend.close();
      throw e;
    }
  }

  private static void requireFinished(WeightsFile file, DetectionModel model) throws IOException {
    if (!model.isFinished()) {
      throw new IOException(
          file.path()
              + " is of an R-CNN whose training is not finished: it has no support vector machines"
              + " yet; resume its run");
    }
  }

  /**
   * Says where an R-CNN or a Fast R-CNN gets its regions from; without that, selective search in
   * its fast mode finds them on each image. Faster R-CNN finds its own.
   *
   * @param source gives the regions of an image
   * @return this
   */
  public synchronized Detector withProposals(ProposalSource source) {
    proposals = source;
    return this;
  }

  /**
   * {@return a detector over a model that lives elsewhere, such as one that is being trained;
   * closing it leaves that alone}
   *
   * @param spec what the model is
   * @param model the model, with memory
   * @param backend where that lies
   * @param precision what it computes in
   */
  public static Detector over(
      ModelSpec spec, DetectionModel model, Backend backend, Precision precision) {
    return new Detector(spec, model, backend, null, precision, false);
  }

  /** {@return what it runs} */
  public ModelSpec spec() {
    return spec;
  }

  /**
   * {@return a copy of its weights under torchvision's keys, in torch's layouts}
   *
   * @param arena where the copy is allocated
   */
  public synchronized Map<String, Safetensors.Entry> stateDict(Arena arena) {
    requireOpen();
    return StateDict.save(model, backend, arena);
  }

  /** {@return where it runs} */
  public Device device() {
    return backend.device();
  }

  /** {@return what it computes in} */
  public Precision precision() {
    return precision;
  }

  /**
   * {@return the name of a detection's class}
   *
   * @param detection one of this detector's
   */
  public String className(Detection detection) {
    return spec.classNames().get(detection.label() - 1);
  }

  /**
   * {@return the objects in an image file, the best first, in its pixels as it is shown upright}
   *
   * @param path a JPEG, PNG, BMP or GIF file
   * @throws dev.cocoli.data.image.ImageDecodeException if it is no whole image
   */
  public List<Detection> detect(Path path) {
    try (Image image = new ImageDecoder().decode(path)) {
      AnnotatedImage annotated =
          new AnnotatedImage(
              0, path.getFileName().toString(), path, image.width(), image.height(), List.of());
      return detect(annotated, image, PartListener.NONE);
    }
  }

  /**
   * {@return the objects in an image, the best first, in its pixels}
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
   * {@return the objects in each of several images that go through the network together}
   *
   * @param images one or more; not closed
   */
  public synchronized List<List<Detection>> detect(List<Image> images) {
    List<List<Box>> regions = new ArrayList<>();
    for (Image image : images) {
      regions.add(model.needsProposals() ? find(unknown(image), image) : List.of());
    }
    return detect(images, regions, PartListener.NONE);
  }

  /**
   * {@return the objects in an image of a data set, the best first, in its pixels}
   *
   * @param annotated which image that is, by which a file of proposals knows it
   * @param image its pixels; not closed
   * @param parts receives its regions, the network and the head as they are done
   */
  public synchronized List<Detection> detect(
      AnnotatedImage annotated, Image image, PartListener parts) {
    List<Box> regions = List.of();
    if (model.needsProposals()) {
      regions = find(annotated, image);
      try (TensorScope scope = new TensorScope(backend.pool())) {
        parts.enqueued(new Ops(backend, scope, Tape.NONE), DetectionPart.PROPOSALS);
      }
    }
    return detect(List.of(image), List.of(regions), parts).getFirst();
  }

  private List<Box> find(AnnotatedImage annotated, Image image) {
    return new CheckedProposals(proposals).proposals(annotated, image);
  }

  private static AnnotatedImage unknown(Image image) {
    return new AnnotatedImage(
        0, "image", Path.of("image"), image.width(), image.height(), List.of());
  }

  /**
   * {@return the objects in each of several images whose regions are known}
   *
   * @param images one or more; not closed
   * @param regions of each, in its pixels, the best first; empty for a detector that finds its own
   * @param parts receives each part
   */
  public synchronized List<List<Detection>> detect(
      List<Image> images, List<List<Box>> regions, PartListener parts) {
    requireOpen();
    if (images.isEmpty()) {
      return List.of();
    }
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE, precision);
      List<Tensor> uploaded = new ArrayList<>();
      for (Image image : images) {
        Tensor tensor = ops.allocate(DType.U8, image.height(), image.width(), 3);
        image.withPixels(pixels -> backend.transfers().upload(pixels, tensor));
        uploaded.add(tensor);
      }
      return model.detect(ops, new Inputs(uploaded, regions), parts);
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the detector is closed");
    }
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      if (ownsAll) {
        parameters.close();
        backend.close();
      }
    }
  }
}
