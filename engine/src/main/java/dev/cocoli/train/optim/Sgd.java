package dev.cocoli.train.optim;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.TrainConfig;
import java.util.OptionalDouble;

/**
 * Stochastic gradient descent with momentum and weight decay over all parameters of a model at once
 * ({@code torch.optim.SGD}, without Nesterov's variant).
 */
public final class Sgd {
  private final Backend backend;
  private final ParameterArena parameters;
  private final float momentum;
  private final float weightDecay;
  private final OptionalDouble clipNorm;

  /**
   * Creates the optimizer of a model.
   *
   * @param parameters the parameters that it updates
   * @param config the momentum and the weight decay
   */
  public Sgd(ParameterArena parameters, TrainConfig config) {
    this.backend = parameters.backend();
    this.parameters = parameters;
    this.momentum = (float) config.momentum();
    this.weightDecay = (float) config.weightDecay();
    this.clipNorm = config.clipNorm();
  }

  /** Sets all gradients to zero. */
  public void zeroGradients() {
    backend.copies().fill(parameters.gradients(), 0);
  }

  /**
   * Updates the parameters from their gradients, which are clipped first if that was asked for.
   *
   * @param learningRate of this step
   * @param squaredNorm {@code [1]}, written: that of the gradients before they are clipped
   */
  public void update(double learningRate, Tensor squaredNorm) {
    backend.updates().squaredNorm(parameters.gradients(), squaredNorm);
    clipNorm.ifPresent(
        norm -> backend.updates().clipByNorm(parameters.gradients(), squaredNorm, (float) norm));
    backend
        .updates()
        .sgdUpdate(
            new SgdSpec((float) learningRate, momentum, weightDecay),
            parameters.values(),
            parameters.gradients(),
            parameters.velocities());
  }
}
