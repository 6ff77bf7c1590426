package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.SampleKey;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Batch;
import dev.cocoli.data.Picture;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.LossValues;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * One step on one device: upload, losses, gradients, update, one download. All of it runs on the
 * calling thread, which is always the same one; nothing of a step but the parameters outlives it.
 */
final class TrainingStep {
  private static final int LOSSES = 4;

  private final Backend backend;
  private final DetectionModel model;
  private final ParameterArena parameters;
  private final Sgd sgd;
  private final long mixedSeed;
  private final Precision precision;

  TrainingStep(DetectionModel model, ParameterArena parameters, TrainConfig config) {
    this.backend = parameters.backend();
    this.model = model;
    this.parameters = parameters;
    this.sgd = new Sgd(parameters, config);
    this.mixedSeed = SampleKey.mix(config.seed());
    this.precision = config.precision();
  }

  /**
   * Trains on a batch.
   *
   * @param batch closed as soon as it is on the device
   * @param step its number in the run, from 0, which with the seed decides the samples
   * @param learningRate its rate
   * @return its losses
   * @throws TrainingException if a loss or a gradient is not finite
   */
  LossValues run(Batch batch, long step, double learningRate) {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Tape tape = new Tape();
      parameters.watch(tape);
      Ops ops = new Ops(backend, scope, tape, precision);
      List<Tensor> pictures = upload(ops, batch);
      sgd.zeroGradients();
      Inputs inputs = new Inputs(pictures, batch.proposals());
      Tensor losses = model.loss(ops, inputs, batch.targets(), SampleKey.mix(mixedSeed + step));
      ops.backward();
      Tensor report = ops.allocate(DType.F32, LOSSES + 1);
      backend.copy(losses, report.rows(0, LOSSES));
      sgd.update(learningRate, report.rows(LOSSES, 1));
      float[] values = ops.download(report);
      LossValues read = new LossValues(values[0], values[1], values[2], values[3]);
      if (!read.areFinite() || !Float.isFinite(values[LOSSES])) {
        throw notFinite(read, batch, step, learningRate);
      }
      return read;
    }
  }

  private static List<Tensor> upload(Ops ops, Batch batch) {
    try (batch) {
      List<Tensor> uploaded = new ArrayList<>();
      for (Picture picture : batch.pictures()) {
        Tensor tensor = ops.allocate(DType.U8, picture.height(), picture.width(), 3);
        ops.backend().upload(picture.pixels(), tensor);
        uploaded.add(tensor);
      }
      return uploaded;
    }
  }

  private static TrainingException notFinite(
      LossValues losses, Batch batch, long step, double learningRate) {
    return new TrainingException(
        "%s not finite in step %d: loss_classifier %s, loss_box_reg %s, loss_objectness %s, loss_rpn_box_reg %s; pictures %s; the learning rate was %s, try a lower one, a longer warm-up or gradient clipping"
            .formatted(
                losses.areFinite() ? "a gradient is" : "the loss is",
                step + 1,
                losses.lossClassifier(),
                losses.lossBoxReg(),
                losses.lossObjectness(),
                losses.lossRpnBoxReg(),
                String.join(", ", batch.fileNames()),
                learningRate));
  }
}
