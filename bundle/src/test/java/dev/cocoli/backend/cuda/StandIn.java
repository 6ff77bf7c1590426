package dev.cocoli.backend.cuda;

import dev.cocoli.testing.Compilers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The engine's stand-in for NVIDIA's libraries, for processes that find it by their environment.
 */
public final class StandIn {
  /** What the engine's tests have compiled, if they ran. */
  private static final String COMPILED = "../engine/target/compiled";

  private StandIn() {}

  /**
   * Compiles the stand-in.
   *
   * @param folder receives it
   * @return the environment of a process that is to use it; empty if there is no C++ compiler
   */
  public static Optional<Map<String, String>> build(Path folder) throws IOException {
    Optional<String> compiler = Compilers.cpp();
    if (compiler.isEmpty()) {
      return Optional.empty();
    }
    System.setProperty("cocoli.test.compiled", COMPILED);
    Path libraries = FakeGpu.libraries(compiler.get());
    Path kernels = HostKernels.library(compiler.get(), HostKernels.Checks.NONE);
    return Optional.of(
        Map.of(
            "LD_LIBRARY_PATH", libraries.toString(),
            "COCOLI_LIBRARY_PATH", libraries.toString(),
            "COCOLI_CACHE", Files.createDirectory(folder.resolve("cache")).toString(),
            "COCOLI_FAKE_KERNELS", kernels.toString()));
  }
}
