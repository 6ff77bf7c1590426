package dev.cocoli.bindings;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * NVIDIA's libraries, in the order in which they are loaded: each comes after those that it needs.
 */
public enum NvidiaLibrary {
  /** Devices, memory, streams, events, launches. */
  CUDA_RUNTIME("CUDA runtime", "libcudart.so.%d", "nvidia-cuda-runtime%s", "", "cudart"),
  /** Matmuls with epilogues; cuBLAS and cuDNN are built on it. */
  CUBLAS_LT("cuBLASLt", "libcublasLt.so.%d", "nvidia-cublas%s", "-cublas", null),
  /** Matmuls. */
  CUBLAS("cuBLAS", "libcublas.so.%d", "nvidia-cublas%s", "-cublas", "cublas"),
  /** Loaded by NVRTC when it compiles. */
  NVRTC_BUILTINS("NVRTC built-ins", "libnvrtc-builtins.so.%d.*", "nvidia-cuda-nvrtc%s", "", null),
  /** The compiler of CUDA C++. */
  NVRTC("NVRTC", "libnvrtc.so.%d", "nvidia-cuda-nvrtc%s", "", "nvrtc"),
  /** Convolution, pooling, normalisation. It loads its own parts from its own directory. */
  CUDNN("cuDNN", "libcudnn.so.9", "nvidia-cudnn-cu%d", "-cudnn", "cudnn"),
  /** Collectives between devices. */
  NCCL("NCCL", "libnccl.so.2", "nvidia-nccl-cu%d", "-nccl", "nccl");

  /** The CUDA releases that the bindings support, the preferred one first. */
  static final int[] CUDA_MAJORS = {13, 12};

  private final String displayName;
  private final String filePattern;
  private final String packagePattern;
  private final String jarSuffix;
  private final String allowList;

  NvidiaLibrary(
      String displayName,
      String filePattern,
      String packagePattern,
      String jarSuffix,
      String allowList) {
    this.displayName = displayName;
    this.filePattern = filePattern;
    this.packagePattern = packagePattern;
    this.jarSuffix = jarSuffix;
    this.allowList = allowList;
  }

  /** {@return the usual name of the library, for example {@code cuDNN}} */
  public String displayName() {
    return displayName;
  }

  /**
   * The file's name with its version, because runtime packages have no other file; may end in a
   * star.
   */
  String fileName(int cudaMajor) {
    return filePattern.formatted(cudaMajor);
  }

  /**
   * The Python package that contains the library; only the names for CUDA 12 all have the release
   * in them.
   */
  String packageName(int cudaMajor) {
    return packagePattern.contains("%d")
        ? packagePattern.formatted(cudaMajor)
        : packagePattern.formatted(cudaMajor >= 13 ? "" : "-cu" + cudaMajor);
  }

  /** The jar of JavaCPP's that contains the library, without version and classifier. */
  String jarName() {
    return "org.bytedeco:cuda-redist" + jarSuffix;
  }

  /** The names of all libraries' files, without those that end in a star. */
  static List<String> wholeNames() {
    return IntStream.of(CUDA_MAJORS)
        .boxed()
        .flatMap(major -> Stream.of(values()).map(library -> library.fileName(major)))
        .filter(name -> !name.endsWith("*"))
        .distinct()
        .toList();
  }

  /**
   * Returns whether a file has to lie in the same directory as this library: its companion, or a
   * part that it loads by its name.
   *
   * @param name the file's name
   * @param own the name of this library's own file
   */
  boolean liesBeside(String name, String own) {
    if (this == CUDNN) {
      return name.equals(own) || name.matches("libcudnn_\\w+\\.so\\.9");
    }
    return IntStream.of(CUDA_MAJORS)
        .filter(major -> LibraryPlace.highest(List.of(own), fileName(major)).isPresent())
        .anyMatch(
            major ->
                Stream.of(values())
                    .filter(library -> library.companion() == companion())
                    .map(library -> library.fileName(major))
                    .anyMatch(each -> LibraryPlace.highest(List.of(name), each).isPresent()));
  }

  /**
   * The resource with the list of bound functions; null for a library that is not called directly.
   */
  String allowList() {
    return allowList;
  }

  /** The libraries that must be loaded before this one. */
  List<NvidiaLibrary> needs() {
    return switch (this) {
      case CUDA_RUNTIME, NVRTC_BUILTINS -> List.of();
      case CUBLAS_LT, NCCL -> List.of(CUDA_RUNTIME);
      case CUBLAS -> List.of(CUDA_RUNTIME, CUBLAS_LT);
      case NVRTC -> List.of(NVRTC_BUILTINS);
      case CUDNN -> List.of(CUDA_RUNTIME, CUBLAS_LT, CUBLAS, NVRTC_BUILTINS, NVRTC);
    };
  }

  /**
   * The library that lies beside this one in every distribution; this one itself if there is none.
   */
  NvidiaLibrary companion() {
    return switch (this) {
      case CUBLAS_LT -> CUBLAS;
      case NVRTC_BUILTINS -> NVRTC;
      default -> this;
    };
  }
}
