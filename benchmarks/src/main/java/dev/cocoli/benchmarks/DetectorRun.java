package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Batch;
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
import dev.cocoli.train.DeviceBatch;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingStep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A Faster R-CNN with memory on a backend, ready to be timed: whole detections, and whole training
 * steps from the images' bytes to the updated parameters and the losses on the host.
 */
public final class DetectorRun implements AutoCloseable {
  private final Backend backend;
  private final DetectionModel model;
  private final ParameterArena parameters;
  private final Precision precision;
  private final TrainingStep step;

  private DetectorRun(
      Backend backend, DetectionModel model, ParameterArena parameters, Precision precision) {
    backend.require(precision);
    this.backend = backend;
    this.model = model;
    this.parameters = parameters;
    this.precision = precision;
    step = new TrainingStep(model, parameters, TrainConfig.DEFAULT.withPrecision(precision));
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
    List<String> states = TrainConfig.DEFAULT.update().optimizer().stateNames();
    return new DetectorRun(
        backend, model, ParameterArena.forTraining(backend, model, states), precision);
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
      List<Tensor> uploaded = new ArrayList<>();
      for (Image image : images) {
        Tensor tensor = ops.allocate(DType.U8, image.height(), image.width(), 3);
        backend.transfers().upload(image.pixels(), tensor);
        uploaded.add(tensor);
      }
      return model.detect(ops, Inputs.of(uploaded), PartListener.NONE);
    }
  }

  /**
   * Runs a training step as torchvision's reference does.
   *
   * @param images one or more
   * @param targets their objects
   * @param number the step's number, which decides the samples
   * @param learningRate the rate
   * @return the losses
   */
  public LossValues train(
      List<Image> images, List<Target> targets, long number, float learningRate) {
    return train(Batch.of(images, targets), number, learningRate);
  }

  /**
   * Trains on a batch.
   *
   * @param batch left open
   * @param number the step's number, which decides the samples
   * @param learningRate the rate
   * @return the losses
   */
  public LossValues train(Batch batch, long number, float learningRate) {
    try (DeviceBatch uploaded = DeviceBatch.upload(backend, backend.pool(), batch)) {
      return step.run(uploaded, number, learningRate);
    }
  }

  /** Frees the memory, but does not close the backend. */
  @Override
  public void close() {
    parameters.close();
  }
}
