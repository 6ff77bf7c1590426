package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.cocoli.bindings.cublas.Cublas;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.cudnn.Cudnn;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.nvrtc.Nvrtc;
import dev.cocoli.bindings.onednn.Dnnl;
import dev.cocoli.bindings.onednn.OneDnn;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SymbolsTest {
  @Test
  void oneDnnHasWhatTheBindingsCall() throws ReflectiveOperationException {
    OneDnn.load();
    resolve(Dnnl.class, "onednn");
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"CUBLAS_LT", "NVRTC_BUILTINS"})
  void nvidiaHasWhatTheBindingsCall(NvidiaLibrary library) throws ReflectiveOperationException {
    Installed.require(library);
    resolve(bindings(library), library.allowList());
  }

  private static Class<?> bindings(NvidiaLibrary library) {
    return switch (library) {
      case CUDA_RUNTIME -> CudaRuntime.class;
      case CUBLAS -> Cublas.class;
      case NVRTC -> Nvrtc.class;
      case CUDNN -> Cudnn.class;
      case NCCL -> Nccl.class;
      case CUBLAS_LT, NVRTC_BUILTINS -> throw new IllegalArgumentException("not called");
    };
  }

  private static void resolve(Class<?> bindings, String allowList)
      throws ReflectiveOperationException {
    List<String> functions = AllowList.functions(allowList);
    assertFalse(functions.isEmpty());
    for (String function : functions) {
      assertNotEquals(0, address(bindings, function).address(), function);
    }
  }

  private static MemorySegment address(Class<?> bindings, String function)
      throws ReflectiveOperationException {
    for (Class<?> nested : bindings.getClasses()) {
      // a function that the header declares without a prototype has a class with invokers
      if (nested.getSimpleName().equals(function)) {
        return (MemorySegment) nested.getMethod("address").invoke(null);
      }
    }
    return (MemorySegment) bindings.getMethod(function + "$address").invoke(null);
  }
}
