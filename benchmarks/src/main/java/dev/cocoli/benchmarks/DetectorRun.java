package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.LossValues;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A Faster R-CNN with memory on a backend, ready to be timed: whole detections, and whole training
 * steps from the images' bytes to the updated parameters and the losses on the host.
 */
public final class DetectorRun implements AutoCloseable {
  /** Momentum of torchvision's reference; below its weight decay. */
  private static final float MOMENTUM = 0.9f;

  private static final float WEIGHT_DECAY = 1e-4f;

  private final Backend backend;
  private final DetectionModel model;
  private final ParameterArena parameters;
  private final Precision precision;

  private DetectorRun(
      Backend backend, DetectionModel model, ParameterArena parameters, Precision precision) {
    backend.require(precision);
    this.backend = backend;
    this.model = model;
    this.parameters = parameters;
    this.precision = precision;
  }

  /**
   * {@return a detector without weights}
   *
   * @param backend where
   * @param spec what
   * @param precision what it computes in
   */
  public static DetectorRun forDetection(Backend backend, ModelSpec spec, Precision precision) {
    DetectionModel model = spec.build();
    return new DetectorRun(backend, model, ParameterArena.forInference(backend, model), precision);
  }

  /**
   * {@return a detector without weights that can be trained}
   *
   * @param backend where
   * @param spec what
   * @param precision what it computes in
   */
  public static DetectorRun forTraining(Backend backend, ModelSpec spec, Precision precision) {
    DetectionModel model = spec.build();
    return new DetectorRun(backend, model, ParameterArena.forTraining(backend, model), precision);
  }

  /**
   * Draws the weights.
   *
   * @param seed the seed
   */
  public void initialize(long seed) {
    parameters.initialize(seed);
  }

  /**
   * Loads the weights.
   *
   * @param weights safetensors under torchvision's keys
   * @throws IOException if they do not fit
   */
  public void load(Path weights) throws IOException {
    try (WeightsFile file = WeightsFile.open(weights)) {
      file.load(model, backend);
    }
  }

  /**
   * {@return the detections per image}
   *
   * @param images one or more
   */
  public List<List<Detection>> detect(List<Image> images) {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE, precision);
      return model.detect(ops, Inputs.of(upload(ops, images)), PartListener.NONE);
    }
  }

  /**
   * Runs a training step as torchvision's reference does.
   *
   * @param images one or more
   * @param targets their ground truth
   * @param seed the seed of the samplers
   * @param learningRate the rate
   * @return the losses
   */
  public LossValues train(List<Image> images, List<Target> targets, long seed, float learningRate) {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Tape tape = new Tape();
      parameters.watch(tape);
      backend.copies().fill(parameters.gradients(), 0);
      Ops ops = new Ops(backend, scope, tape, precision);
      Tensor losses = model.loss(ops, Inputs.of(upload(ops, images)), targets, seed);
      ops.backward();
      backend
          .updates()
          .sgdUpdate(
              new SgdSpec(learningRate, MOMENTUM, WEIGHT_DECAY),
              parameters.values(),
              parameters.gradients(),
              parameters.velocities());
      return model.read(ops, losses);
    }
  }

  private static List<Tensor> upload(Ops ops, List<Image> images) {
    List<Tensor> uploaded = new ArrayList<>();
    for (Image image : images) {
      Tensor tensor = ops.allocate(DType.U8, image.height(), image.width(), 3);
      ops.backend().transfers().upload(image.pixels(), tensor);
      uploaded.add(tensor);
    }
    return uploaded;
  }

  /** Frees the memory, but does not close the backend. */
  @Override
  public void close() {
    parameters.close();
  }
}
