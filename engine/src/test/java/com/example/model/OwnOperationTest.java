package com.example.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A program adds an operation and a loss, with gradients, of primitives alone. */
class OwnOperationTest {

  /** {@return x times a factor} */
  private static Tensor scaled(Ops ops, Tensor x, float factor) {
    Tensor y = scaledCopy(ops, x, factor);
    ops.tape()
        .record(
            y, List.of(x), List.of(), dy -> ops.tape().contribute(x, scaledCopy(ops, dy, factor)));
    return y;
  }

  private static Tensor scaledCopy(Ops ops, Tensor x, float factor) {
    Tensor y = ops.allocate(DType.F32, x.shape().toArray());
    ops.backend().copies().copy(x, y);
    ops.backend().updates().scale(y, factor);
    return y;
  }

  /** Half the sum of squares, whose gradient is its input. */
  private static void halfSquaredNorm(Ops ops, Tensor x, Tensor loss) {
    ops.backend().updates().squaredNorm(x, loss);
    ops.backend().updates().scale(loss, 0.5f);
    ops.tape().recordLoss(x, ignored -> ops.tape().contribute(x, scaledCopy(ops, x, 1)));
  }

  @Test
  void itsGradientReachesTheParameter() {
    try (Backend backend = Backends.open(Device.CPU);
        TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, new Tape());
      Tensor parameter = ops.upload(new float[] {1, -2, 3}, 3);
      Tensor gradient = ops.upload(new float[] {0, 0, 1}, 3);
      ops.tape().watch(parameter, gradient, () -> {});
      Tensor loss = ops.allocate(DType.F32, 1);
      halfSquaredNorm(ops, scaled(ops, parameter, 2), loss);
      ops.backward();
      assertEquals(28, ops.download(loss)[0]);
      assertArrayEquals(new float[] {4, -8, 13}, ops.download(gradient));
    }
  }
}
