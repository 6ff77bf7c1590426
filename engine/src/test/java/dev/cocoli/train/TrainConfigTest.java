package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.train.optim.Optimizer;
import dev.cocoli.train.optim.Sgd;
import dev.cocoli.train.optim.StepSchedule;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class TrainConfigTest {
  private static final TrainConfig CONFIG = TrainConfig.DEFAULT;

  @Test
  void rateScalesWithTheBatchUnlessGiven() {
    assertEquals(0.02, CONFIG.withBatch(16).fullLearningRate());
    assertEquals(0.005, CONFIG.withBatch(4).fullLearningRate());
    assertEquals(0.3, CONFIG.withBatch(4).withLearningRate(0.3).fullLearningRate());
  }

  @Test
  void keepsWhatIsNotChanged() {
    TrainConfig config =
        CONFIG
            .withEpochs(3)
            .withSeed(5)
            .withUpdate(update -> update.withClipNorm(2))
            .withData(data -> data.withWorkers(6))
            .withEvaluation(evaluation -> evaluation.withPatience(4))
            .withCheckpoint(checkpoint -> checkpoint.withSteps(9));
    TrainConfig other =
        config
            .withBatch(8)
            .withLogEvery(2)
            .withOptimizer(new Sgd(0.5, 0))
            .withData(data -> data.withPrefetchBatches(7))
            .withEvaluation(evaluation -> evaluation.withEveryEpochs(2));
    assertEquals(3, other.epochs());
    assertEquals(5, other.seed());
    assertEquals(2, other.update().clipNorm().orElseThrow());
    assertEquals(6, other.data().workers());
    assertEquals(4, other.evaluation().patience().orElseThrow());
    assertEquals(9, other.checkpoint().steps().orElseThrow());
    assertEquals(config, config.withEpochs(4).withEpochs(3));
  }

  @Test
  void refusesWhatIsOutOfRange() {
    refuses("epochs", () -> CONFIG.withEpochs(0));
    refuses("batch", () -> CONFIG.withBatch(0));
    refuses("lr", () -> CONFIG.withLearningRate(Double.NaN));
    refuses("warmup", () -> StepSchedule.DEFAULT.withWarmup(-1));
    refuses("lr-steps", () -> StepSchedule.DEFAULT.withDropFractions(List.of(0.5, 1.5)));
    refuses("momentum", () -> new Sgd(1, 0));
    refuses("weight-decay", () -> new Sgd(0.9, -1));
    refuses("flip", () -> new HorizontalFlip(2));
    refuses("clip-norm", () -> CONFIG.withUpdate(update -> update.withClipNorm(0)));
    refuses("early-stop", () -> CONFIG.withEvaluation(evaluation -> evaluation.withPatience(0)));
    refuses("loader-threads", () -> CONFIG.withData(data -> data.withWorkers(0)));
  }

  /** A checkpoint has a state under its name, a dot and the parameter's; weights as model.*. */
  @Test
  void refusesAnOptimizerWhoseStatesCannotBeSaved() {
    for (List<String> names :
        List.of(List.of("model"), List.of("a.b"), List.of("a/b"), List.of(""), List.of("m", "m"))) {
      refuses(
          "the name of a state of the optimizer odd",
          () -> CONFIG.withOptimizer(new Remembering(names)));
    }
    assertEquals(
        List.of("m", "v"),
        CONFIG.withOptimizer(new Remembering(List.of("m", "v"))).update().optimizer().stateNames());
  }

  private record Remembering(List<String> stateNames) implements Optimizer {
    @Override
    public String name() {
      return "odd";
    }

    @Override
    public void update(ParameterArena parameters, double learningRate, long step) {
      throw new AssertionError("nothing is trained");
    }
  }

  private static void refuses(String name, Executable change) {
    String message = assertThrows(IllegalArgumentException.class, change).getMessage();
    assertTrue(message.startsWith(name + " is "), message);
  }
}
