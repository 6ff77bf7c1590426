package dev.cocoli.bindings;

import dev.cocoli.bindings.cublas.Cublas;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.cudnn.Cudnn;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.nvrtc.Nvrtc;
import dev.cocoli.bindings.onednn.Dnnl;
import dev.cocoli.bindings.status.CublasStatus;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.bindings.status.NcclStatus;
import dev.cocoli.bindings.status.NvrtcStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** Reads the versions of loaded libraries. */
final class LibraryVersions {
  private LibraryVersions() {}

  /** The version that a loaded library returns; empty if it has no such function. */
  static Optional<String> of(NvidiaLibrary library) {
    return switch (library) {
      case CUDA_RUNTIME -> Optional.of(cuda(cudaRuntime()));
      case CUBLAS_LT -> Optional.of(twoDigits(Cublas.cublasLtGetVersion()));
      case CUBLAS -> Optional.of(cublasProperties());
      case NVRTC_BUILTINS -> Optional.empty();
      case NVRTC -> Optional.of(nvrtc());
      case CUDNN -> Optional.of(twoDigits(Cudnn.cudnnGetVersion()));
      case NCCL -> Optional.of(twoDigits(nccl()));
    };
  }

  /** oneDNN's version, from the first fields of its version structure. */
  static String oneDnn() {
    MemorySegment version = Dnnl.dnnl_version().reinterpret(3L * Integer.BYTES);
    return version.getAtIndex(ValueLayout.JAVA_INT, 0)
        + "."
        + version.getAtIndex(ValueLayout.JAVA_INT, 1)
        + "."
        + version.getAtIndex(ValueLayout.JAVA_INT, 2);
  }

  /** The version of the CUDA runtime as an integer: 13000 for 13.0. */
  static int cudaRuntime() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      CudaStatus.check("cudaRuntimeGetVersion", CudaRuntime.cudaRuntimeGetVersion(out));
      return out.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /** The version of NCCL as an integer: 22703 for 2.27.3. */
  static int nccl() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      NcclStatus.check("ncclGetVersion", Nccl.ncclGetVersion(out));
      return out.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /** The CUDA release that the loaded cuDNN is built for. */
  static int cudnnCudaMajor() {
    return (int) (Cudnn.cudnnGetCudartVersion() / 1000);
  }

  /** Formats 13000 or 12080 as 13.0 or 12.8. */
  static String cuda(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /** Formats 92400 as 9.24.0: two digits each for minor and patch. */
  private static String twoDigits(long version) {
    return version / 10_000 + "." + version % 10_000 / 100 + "." + version % 100;
  }

  private static String cublasProperties() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      StringBuilder version = new StringBuilder();
      // the values of libraryPropertyType: major, minor, patch
      for (int property = 0; property < 3; property++) {
        CublasStatus.check("cublasGetProperty", Cublas.cublasGetProperty(property, out));
        version.append(property == 0 ? "" : ".").append(out.get(ValueLayout.JAVA_INT, 0));
      }
      return version.toString();
    }
  }

  private static String nvrtc() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, 2);
      NvrtcStatus.check("nvrtcVersion", Nvrtc.nvrtcVersion(out, out.asSlice(Integer.BYTES)));
      return out.getAtIndex(ValueLayout.JAVA_INT, 0)
          + "."
          + out.getAtIndex(ValueLayout.JAVA_INT, 1);
    }
  }
}
