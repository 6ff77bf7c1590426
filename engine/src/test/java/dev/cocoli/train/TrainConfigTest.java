package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class TrainConfigTest {

  @Test
  void rateScalesWithTheBatchUnlessGiven() {
    assertEquals(0.02, TrainConfig.builder().batch(16).build().scaledLearningRate());
    assertEquals(0.005, TrainConfig.builder().batch(4).build().scaledLearningRate());
    assertEquals(
        0.3, TrainConfig.builder().batch(4).learningRate(0.3).build().scaledLearningRate());
  }

  @Test
  void builderKeepsWhatIsNotChanged() {
    TrainConfig config =
        TrainConfig.builder()
            .epochs(3)
            .clipNorm(2)
            .lrSteps(List.of(0.5))
            .earlyStopPatience(4)
            .checkpointSteps(9)
            .build();
    assertEquals(config, config.toBuilder().build());
    assertEquals(3, config.toBuilder().batch(8).build().epochs());
    assertEquals(TrainConfig.DEFAULT, TrainConfig.builder().build());
  }

  @Test
  void refusesWhatIsOutOfRange() {
    refuses("epochs", builder -> builder.epochs(0));
    refuses("batch", builder -> builder.batch(0));
    refuses("lr", builder -> builder.learningRate(Double.NaN));
    refuses("lr-steps", builder -> builder.lrSteps(List.of(0.5, 1.5)));
    refuses("momentum", builder -> builder.momentum(1));
    refuses("weight-decay", builder -> builder.weightDecay(-1));
    refuses("flip", builder -> builder.flip(2));
    refuses("clip-norm", builder -> builder.clipNorm(0));
    refuses("early-stop", builder -> builder.earlyStopPatience(0));
  }

  private static void refuses(String name, Consumer<TrainConfigBuilder> change) {
    TrainConfigBuilder builder = TrainConfig.builder();
    change.accept(builder);
    String message = assertThrows(IllegalArgumentException.class, builder::build).getMessage();
    assertTrue(message.startsWith(name + " is "), message);
  }
}
