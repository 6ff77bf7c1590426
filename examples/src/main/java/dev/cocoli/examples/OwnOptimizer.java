package dev.cocoli.examples;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.data.Dataset;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.optim.Optimizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Trains with an optimizer of one's own, stops in the middle and resumes: {@code OwnOptimizer
 * RUN_FOLDER IMAGES EPOCHS}. The weights are those of a run that was not stopped, to the bit.
 */
final class OwnOptimizer {
  private OwnOptimizer() {}

  /**
   * SGD with Nesterov's momentum, as {@code torch.optim.SGD(nesterov=True)} has it: with the
   * gradient g, weight decay included, the velocity becomes {@code v = momentum v + g}, and the
   * parameter moves by {@code -rate (g + momentum v)}.
   *
   * @param momentum the factor by which a velocity is multiplied in the next step
   * @param weightDecay the factor by which a parameter is added to its gradient
   */
  record Nesterov(double momentum, double weightDecay) implements Optimizer {
    @Override
    public String name() {
      return "nesterov";
    }

    @Override
    public Map<String, String> settings() {
      return Map.of("momentum", "" + momentum, "weight_decay", "" + weightDecay);
    }

    @Override
    public List<String> stateNames() {
      return List.of("gradient", "velocity");
    }

    @Override
    public void update(ParameterArena parameters, double learningRate, long step) {
      Tensor values = parameters.values();
      Tensor decayed = parameters.state("gradient");
      Tensor velocity = parameters.state("velocity");
      Backend backend = parameters.backend();
      // without momentum, SGD leaves the gradient with its weight decay in the state
      SgdSpec plain = new SgdSpec((float) learningRate, 0, (float) weightDecay);
      backend.updates().sgdUpdate(plain, values, parameters.gradients(), decayed);
      SgdSpec ahead = new SgdSpec((float) (learningRate * momentum), (float) momentum, 0);
      backend.updates().sgdUpdate(ahead, values, decayed, velocity);
    }
  }

  static void main(String[] args) {
    Path out = Path.of(args[0]);
    Dataset data = new ShapesInMemory(0, Integer.parseInt(args[1]));
    TrainConfig config =
        TrainConfig.DEFAULT
            .withEpochs(Integer.parseInt(args[2]))
            .withBatch(2)
            .withOptimizer(new Nesterov(0.9, 1e-4));
    TrainingRun run = TrainingRun.of(SmallModel.of(data), data, config, out);
    long middle = config.epochs() * (data.size() / config.batch()) / 2;
    try (Backend backend = Backends.open(Device.CPU)) {
      AtomicReference<Trainer> trainer = new AtomicReference<>();
      TrainingListener stop =
          new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
              if (report.step() == middle) {
                trainer.get().requestStop();
              }
            }
          };
      trainer.set(new Trainer(run, backend, stop));
      System.out.println(trainer.get().start().summary());
      System.out.println(new Trainer(run, backend, TrainingListener.NONE).resume().summary());
    }
  }
}
