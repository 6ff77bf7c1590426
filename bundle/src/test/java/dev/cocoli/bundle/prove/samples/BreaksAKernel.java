package dev.cocoli.bundle.prove.samples;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.bindings.access.LoadedLibraries;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** On the stand-in for a GPU: a kernel that fails while it runs, and the download after it. */
public class BreaksAKernel {
  @Test
  void breaks() throws Throwable {
    try (Backend backend = Backends.open(Backends.device("cuda"));
        Buffer memory = backend.allocate(16)) {
      Linker.nativeLinker()
          .downcallHandle(
              LoadedLibraries.lookup().findOrThrow("fake_failing_kernel"),
              FunctionDescriptor.ofVoid(ValueLayout.ADDRESS))
          .invokeWithArguments(Arena.global().allocateFrom("fill"));
      backend.copies().fill(new Tensor(memory, 0, Shape.of(4), DType.F32), 1);
      backend.transfers().synchronize();
    }
  }
}
