package dev.cocoli.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.cocoli.backend.DeviceMemoryException;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

class ParameterArenaTest {
  /** More bytes than 64-bit processors can address. */
  private static final long TOO_MANY_ELEMENTS = 1L << 56;

  private static final class Layer extends Module {
    Layer(long learned, long fixed) {
      parameter("weight", Shape.of(learned), Layout.PLAIN, Initializer.ZEROS);
      buffer("mean", Shape.of(fixed), Initializer.ZEROS);
    }
  }

  @Test
  void whatWasAllocatedBeforeTheMemoryEndedIsFreed() {
    try (CpuBackend backend = new CpuBackend(1)) {
      assertThrows(
          DeviceMemoryException.class,
          () -> ParameterArena.forTraining(backend, new Layer(100, TOO_MANY_ELEMENTS)));
      assertEquals(0, backend.liveBuffers());
      try (ParameterArena arena =
          ParameterArena.forTraining(backend, new Layer(100, 10), List.of("velocity"))) {
        assertEquals(100, arena.learned().getFirst().shape().elementCount());
      }
      assertEquals(0, backend.liveBuffers());
    }
  }

  private static final class Derived extends Module {
    final Parameter scale = derived(Shape.of(3));
    final Parameter shift = derived(Shape.of(3));
  }

  private static final class Two extends Module {
    final Derived first = child("first", new Derived());
    final Derived second = child("second", new Derived());
  }

  /** What a backend packs of one module's values stays while another's are written. */
  @Test
  void whatModulesDeriveLiesApart() {
    Two module = new Two();
    try (CpuBackend backend = new CpuBackend(1);
        ParameterArena arena = ParameterArena.forInference(backend, module)) {
      Buffer own = module.first.scale.value().buffer();
      assertSame(own, module.first.shift.value().buffer());
      assertNotSame(own, module.second.scale.value().buffer());
      assertEquals(module, arena.module());
    }
  }
}
