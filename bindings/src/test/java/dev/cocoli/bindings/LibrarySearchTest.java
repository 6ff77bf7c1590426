package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibrarySearchTest {
  private static final List<String> CUDA_13 =
      List.of(
          "libcudart.so.13",
          "libcublas.so.13",
          "libcublasLt.so.13",
          "libnvrtc.so.13",
          "libnvrtc-builtins.so.13.0");

  private static final List<String> CUDA_12 =
      List.of(
          "libcudart.so.12",
          "libcublas.so.12",
          "libcublasLt.so.12",
          "libnvrtc.so.12",
          "libnvrtc-builtins.so.12.8");

  private final Map<String, String> environment = new HashMap<>();
  private @TempDir Path temporary;
  private Path root;

  @BeforeEach
  void resolveLinks() throws IOException {
    root = temporary.toRealPath();
  }

  @Test
  void findsNothingOnABareMachineAndTellsWhatItTried() {
    LibrarySearch.Hit hit = search(OptionalInt.empty()).hits().get(NvidiaLibrary.CUDNN);
    assertEquals(Optional.empty(), hit.file());
    assertTrue(
        hit.tried().contains(root.resolve("usr/local/cuda/lib64/libcudnn.so.9")),
        hit.tried().toString());
  }

  @Test
  void findsAPythonEnvironment() throws IOException {
    Path packages = root.resolve("venv/lib/python3.12/site-packages/nvidia");
    install(packages.resolve("cu13/lib"), CUDA_13);
    install(packages.resolve("cudnn/lib"), List.of("libcudnn.so.9"));
    install(packages.resolve("nccl/lib"), List.of("libnccl.so.2"));
    environment.put("VIRTUAL_ENV", root.resolve("venv").toString());
    LibrarySearch search = search(OptionalInt.empty());
    search.hits().forEach((library, hit) -> assertTrue(hit.file().isPresent(), library.name()));
    assertEquals(13, search.cudaMajor());
  }

  @Test
  void findsThePythonOfThePathAndTheOneItWasMadeFrom() throws IOException {
    String packages = "lib/python3.11/site-packages/nvidia/";
    install(root.resolve("environment").resolve(packages + "cudnn/lib"), List.of("libcudnn.so.9"));
    install(root.resolve("python").resolve(packages + "nccl/lib"), List.of("libnccl.so.2"));
    install(root.resolve("python/bin"), List.of("python3"));
    assertTrue(root.resolve("python/bin/python3").toFile().setExecutable(true));
    Path bin = Files.createDirectories(root.resolve("environment/bin"));
    Files.createSymbolicLink(bin.resolve("python3"), root.resolve("python/bin/python3"));
    environment.put("PATH", bin.toString());
    LibrarySearch search = search(OptionalInt.empty());
    assertTrue(search.hits().get(NvidiaLibrary.CUDNN).file().isPresent());
    assertTrue(search.hits().get(NvidiaLibrary.NCCL).file().isPresent());
  }

  @Test
  void findsWhatPipInstalledAsRoot() throws IOException {
    install(
        root.resolve("usr/local/lib/python3.12/dist-packages/nvidia/cudnn/lib"),
        List.of("libcudnn.so.9"));
    install(
        root.resolve("usr/local/lib64/python3.9/site-packages/nvidia/nccl/lib"),
        List.of("libnccl.so.2"));
    LibrarySearch search = search(OptionalInt.empty());
    assertTrue(search.hits().get(NvidiaLibrary.CUDNN).file().isPresent());
    assertTrue(search.hits().get(NvidiaLibrary.NCCL).file().isPresent());
  }

  @Test
  void passesOverWhatCannotBeAPath() throws IOException {
    install(root.resolve("mine"), List.of("libcudnn.so.9"));
    for (String variable : List.of("LD_LIBRARY_PATH", "PATH", "CUDA_HOME", "VIRTUAL_ENV", "HOME")) {
      environment.put(variable, "not\0a path:" + root.resolve("mine"));
    }
    assertTrue(search(OptionalInt.empty()).hits().get(NvidiaLibrary.CUDNN).file().isPresent());
  }

  @Test
  void anExplicitPathWins() throws IOException {
    install(root.resolve("usr/local/cuda/lib64"), CUDA_13);
    install(root.resolve("mine"), List.of("libcudart.so.13"));
    environment.put("COCOLI_LIBRARY_PATH", root.resolve("mine").toString());
    LibrarySearch search = search(OptionalInt.empty());
    assertEquals(
        Optional.of(root.resolve("mine/libcudart.so.13")),
        search.hits().get(NvidiaLibrary.CUDA_RUNTIME).file());
    assertEquals(
        Optional.of(root.resolve("usr/local/cuda/lib64/libcublas.so.13")),
        search.hits().get(NvidiaLibrary.CUBLAS).file());
  }

  @Test
  void theOrderIsExplicitThenJarsThenLoaderThenToolkitThenSystem() throws IOException {
    Files.createDirectories(root.resolve("etc/ld.so.conf.d"));
    Files.writeString(root.resolve("etc/ld.so.conf.d/gpu.conf"), "# a comment\n/opt/gpu/lib\n");
    environment.put("COCOLI_LIBRARY_PATH", root.resolve("b").toString());
    environment.put("LD_LIBRARY_PATH", root.resolve("c") + ":" + root.resolve("b"));
    environment.put("CUDA_HOME", root.resolve("d").toString());
    LibraryPlace jar = new LibraryDirectory(LibraryJar.SOURCE, root.resolve("of a jar"));
    List<Path> directories =
        SearchPath.of(root.resolve("a").toString(), List.of(jar), environment::get, root).stream()
            .map(LibraryPlace::path)
            .toList();
    List<Path> inOrder =
        List.of(
            root.resolve("a"),
            root.resolve("b"),
            root.resolve("of a jar"),
            root.resolve("c"),
            root.resolve("d/lib64"),
            root.resolve("usr/local/cuda/lib64"),
            root.resolve("opt/gpu/lib"),
            root.resolve("usr/lib64"));
    assertEquals(inOrder, directories.stream().filter(inOrder::contains).toList());
  }

  @Test
  void theMoreCompleteReleaseWins() throws IOException {
    install(root.resolve("usr/local/cuda/lib64"), List.of("libcudart.so.13"));
    install(root.resolve("usr/lib64"), CUDA_12);
    LibrarySearch search = search(OptionalInt.empty());
    assertEquals(12, search.cudaMajor());
    assertEquals(
        Optional.of(root.resolve("usr/lib64/libcudart.so.12")),
        search.hits().get(NvidiaLibrary.CUDA_RUNTIME).file());
  }

  @Test
  void aReleaseThatTheDriverRunsWins() throws IOException {
    install(root.resolve("usr/local/cuda/lib64"), CUDA_13);
    install(root.resolve("usr/lib64"), CUDA_12);
    assertEquals(12, search(OptionalInt.of(12)).cudaMajor());
    assertEquals(13, search(OptionalInt.of(13)).cudaMajor());
    assertEquals(13, search(OptionalInt.empty()).cudaMajor());
  }

  @Test
  void whereNothingIsTheReleaseThatTheDriverRunsIsWanted() {
    assertEquals(12, search(OptionalInt.of(12)).cudaMajor());
    assertEquals(13, search(OptionalInt.of(13)).cudaMajor());
    assertEquals(13, search(OptionalInt.empty()).cudaMajor());
  }

  @Test
  void librariesThatBelongTogetherComeFromOneDirectory() throws IOException {
    install(root.resolve("first"), List.of("libcublasLt.so.13", "libnvrtc-builtins.so.13.2"));
    install(root.resolve("second"), CUDA_13);
    environment.put("LD_LIBRARY_PATH", root.resolve("first") + ":" + root.resolve("second"));
    LibrarySearch search = search(OptionalInt.empty());
    assertEquals(
        Optional.of(root.resolve("second/libcublasLt.so.13")),
        search.hits().get(NvidiaLibrary.CUBLAS_LT).file());
    assertEquals(
        Optional.of(root.resolve("second/libnvrtc-builtins.so.13.0")),
        search.hits().get(NvidiaLibrary.NVRTC_BUILTINS).file());
  }

  private LibrarySearch search(OptionalInt driverMajor) {
    return LibrarySearch.best(SearchPath.of(null, List.of(), environment::get, root), driverMajor);
  }

  private static void install(Path directory, List<String> names) throws IOException {
    Files.createDirectories(directory);
    for (String name : names) {
      Files.createFile(directory.resolve(name));
    }
  }
}
