package dev.cocoli.train.optim;

import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.nn.ParameterArena;
import java.util.List;
import java.util.Map;

/**
 * Stochastic gradient descent with momentum and weight decay ({@code torch.optim.SGD}, without
 * Nesterov's variant), one fused update.
 *
 * @param momentum how much of a step's velocity the next one keeps
 * @param weightDecay times a parameter, added to its gradient
 */
public record Sgd(double momentum, double weightDecay) implements Optimizer {
  /** torchvision's reference for detection. */
  public static final Sgd DEFAULT = new Sgd(0.9, 1e-4);

  private static final String VELOCITY = "velocity";

  /** Checks the ranges. */
  public Sgd {
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException("momentum is at least 0 and less than 1, not " + momentum);
    }
    if (!(weightDecay >= 0 && Double.isFinite(weightDecay))) {
      throw new IllegalArgumentException("weight-decay is at least 0, not " + weightDecay);
    }
  }

  @Override
  public String name() {
    return "sgd";
  }

  @Override
  public Map<String, String> settings() {
    return Map.of(
        "momentum", Double.toString(momentum), "weight_decay", Double.toString(weightDecay));
  }

  @Override
  public List<String> stateNames() {
    return List.of(VELOCITY);
  }

  @Override
  public void update(ParameterArena parameters, double learningRate, long step) {
    parameters
        .backend()
        .updates()
        .sgdUpdate(
            new SgdSpec((float) learningRate, (float) momentum, (float) weightDecay),
            parameters.values(),
            parameters.gradients(),
            parameters.state(VELOCITY));
  }
}
