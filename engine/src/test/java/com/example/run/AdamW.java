package com.example.run;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.train.optim.Optimizer;
import java.util.List;
import java.util.Map;

/** A user's optimizer: {@code torch.optim.AdamW}, computed on the host. */
record AdamW(double beta1, double beta2, double weightDecay) implements Optimizer {
  private static final double EPSILON = 1e-8;

  @Override
  public String name() {
    return "adamw";
  }

  @Override
  public Map<String, String> settings() {
    return Map.of("beta1", "" + beta1, "beta2", "" + beta2, "weight_decay", "" + weightDecay);
  }

  @Override
  public List<String> stateNames() {
    return List.of("exp_avg", "exp_avg_sq");
  }

  @Override
  public void update(ParameterArena parameters, double learningRate, long step) {
    Backend backend = parameters.backend();
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      float[] values = ops.download(parameters.values());
      float[] gradients = ops.download(parameters.gradients());
      float[] means = ops.download(parameters.state("exp_avg"));
      float[] squares = ops.download(parameters.state("exp_avg_sq"));
      double ofMeans = 1 - Math.pow(beta1, step + 1);
      double ofSquares = 1 - Math.pow(beta2, step + 1);
      for (int i = 0; i < values.length; i++) {
        means[i] = (float) (beta1 * means[i] + (1 - beta1) * gradients[i]);
        squares[i] = (float) (beta2 * squares[i] + (1 - beta2) * gradients[i] * gradients[i]);
        double direction = means[i] / ofMeans / (Math.sqrt(squares[i] / ofSquares) + EPSILON);
        values[i] -= (float) (learningRate * (direction + weightDecay * values[i]));
      }
      backend.transfers().upload(values, parameters.values());
      backend.transfers().upload(means, parameters.state("exp_avg"));
      backend.transfers().upload(squares, parameters.state("exp_avg_sq"));
    }
  }
}
