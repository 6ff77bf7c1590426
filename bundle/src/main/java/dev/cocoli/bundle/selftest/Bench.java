package dev.cocoli.bundle.selftest;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.DetectorRun;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.benchmarks.SyntheticModel;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.LossValues;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** A model with random weights on a device, and a batch of images with their ground truth. */
public final class Bench implements AutoCloseable {
  private final Backend backend;
  private final DetectorRun run;
  private final List<Image> images = new ArrayList<>();
  private final List<Target> targets = new ArrayList<>();

  /**
   * Opens the device and makes the model.
   *
   * @param device closed with this
   * @param spec the model, which does not resize the images
   * @param size of the images
   * @param batch images per batch
   * @param precision of the forward pass
   * @throws IllegalArgumentException if the device does not compute in the precision
   */
  public Bench(Device device, ModelSpec spec, ImageSize size, int batch, Precision precision) {
    backend = Backends.open(device);
    try {
      run = DetectorRun.forTraining(backend, spec, precision);
      run.initialize(1);
    } catch (RuntimeException e) {
      backend.close();
      throw e;
    }
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < batch; i++) {
      images.add(SyntheticModel.noise(size, random));
      targets.add(SyntheticModel.twoObjects(size));
    }
  }

  /** {@return the device} */
  public Backend backend() {
    return backend;
  }

  /**
   * Trains on the batch.
   *
   * @param number the step's number, which decides the samples
   * @param learningRate 1e-4 keeps random weights finite with trained norms, 0 with frozen ones
   * @return the losses
   */
  public LossValues step(long number, float learningRate) {
    return run.train(images, targets, number, learningRate);
  }

  /** {@return the detections per image of the batch} */
  public List<List<Detection>> detect() {
    return run.detect(images);
  }

  @Override
  public void close() {
    images.forEach(Image::close);
    run.close();
    backend.close();
  }
}
