package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.cache.LibraryCache;
import dev.cocoli.bindings.onednn.OneDnnFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jars with the layout of JavaCPP's, whose libraries are a few letters each. */
class LibraryJarTest {
  private static final String FOLDER = "org/bytedeco/cuda/" + OneDnnFiles.platform() + "/";

  private static final Map<String, List<String>> JARS =
      Map.of(
          "cuda-redist.jar",
          List.of(
              "libcudart.so.13",
              "libnvrtc.so.13",
              "libnvrtc-builtins.so.13.3",
              "libcufft.so.12",
              "libnvJitLink.so.13"),
          "cuda-redist-cublas.jar",
          List.of("libcublas.so.13", "libcublasLt.so.13", "libnvblas.so.13"),
          "cuda-redist-cudnn.jar",
          List.of("libcudnn.so.9", "libcudnn_graph.so.9", "libcudnn_engines_tensor_ir.so.9"),
          "cuda-redist-nccl.jar",
          List.of("libnccl.so.2"));

  private final List<URL> classPath = new ArrayList<>();
  private String before;
  private @TempDir Path temporary;
  private Path folder;

  @BeforeEach
  void useACache() throws IOException {
    folder = temporary.toRealPath();
    before = System.getProperty("cocoli.cache");
    System.setProperty("cocoli.cache", folder.resolve("cache").toString());
  }

  @AfterEach
  void useTheCacheOfBefore() {
    if (before == null) {
      System.clearProperty("cocoli.cache");
    } else {
      System.setProperty("cocoli.cache", before);
    }
  }

  @Test
  void allAreFoundAndNothingIsUnpackedForThat() throws IOException {
    for (Map.Entry<String, List<String>> jar : JARS.entrySet()) {
      pack(jar.getKey(), jar.getValue());
    }
    LibrarySearch search = LibrarySearch.best(places(), OptionalInt.empty());
    assertEquals(13, search.cudaMajor());
    search.hits().forEach((library, hit) -> assertTrue(hit.file().isPresent(), library.name()));
    assertEquals(
        Optional.of(folder.resolve("cuda-redist.jar/libnvrtc-builtins.so.13.3")),
        search.hits().get(NvidiaLibrary.NVRTC_BUILTINS).file());
    assertTrue(Files.notExists(folder.resolve("cache")));
  }

  @Test
  void whatBelongsTogetherIsUnpackedTogetherAndTheRestIsLeft() throws IOException {
    for (Map.Entry<String, List<String>> jar : JARS.entrySet()) {
      pack(jar.getKey(), jar.getValue());
    }
    assertEquals(
        List.of("libcudnn.so.9", "libcudnn_engines_tensor_ir.so.9", "libcudnn_graph.so.9"),
        beside(unpack(NvidiaLibrary.CUDNN, "libcudnn.so.9")));
    List<String> cublas = List.of("libcublas.so.13", "libcublasLt.so.13");
    Path lt = unpack(NvidiaLibrary.CUBLAS_LT, "libcublasLt.so.13");
    assertEquals("libcublasLt.so.13", lt.getFileName().toString());
    assertEquals(cublas, beside(lt));
    assertEquals(
        lt.resolveSibling("libcublas.so.13"), unpack(NvidiaLibrary.CUBLAS, "libcublas.so.13"));
    assertEquals(
        List.of("libnvrtc-builtins.so.13.3", "libnvrtc.so.13"),
        beside(unpack(NvidiaLibrary.NVRTC, "libnvrtc.so.13")));
    Path cudart = unpack(NvidiaLibrary.CUDA_RUNTIME, "libcudart.so.13");
    assertEquals(List.of("libcudart.so.13"), beside(cudart));
    assertArrayEquals(content("libcudart.so.13"), Files.readAllBytes(cudart));
  }

  /** Before 2026 one jar had everything, and a shaded jar has. */
  @Test
  void oneJarMayHaveAll() throws IOException {
    pack("all.jar", JARS.values().stream().flatMap(List::stream).toList());
    assertEquals(1, places().size());
    LibrarySearch search = LibrarySearch.best(places(), OptionalInt.empty());
    search.hits().forEach((library, hit) -> assertTrue(hit.file().isPresent(), library.name()));
    assertEquals(List.of("libnccl.so.2"), beside(unpack(NvidiaLibrary.NCCL, "libnccl.so.2")));
  }

  @Test
  void aFolderWithTheContentsOfAJarIsNotCopied() throws IOException {
    Path libraries = Files.createDirectories(folder.resolve("classes").resolve(FOLDER));
    Files.write(libraries.resolve("libcudart.so.13"), content("libcudart.so.13"));
    classPath.add(folder.resolve("classes").toUri().toURL());
    assertEquals(
        libraries.resolve("libcudart.so.13"),
        unpack(NvidiaLibrary.CUDA_RUNTIME, "libcudart.so.13"));
    assertTrue(Files.notExists(folder.resolve("cache")));
  }

  @Test
  void withoutJarsThereAreNoPlaces() throws IOException {
    pack("other.jar", List.of("libjnicudart.so"));
    assertEquals(List.of(), places());
  }

  @Test
  void theFirstJarOfTheClassPathWins() throws IOException {
    pack("first.jar", List.of("libcudnn.so.9"));
    pack("second.jar", List.of("libcudnn.so.9", "libcudart.so.13"));
    LibrarySearch search = LibrarySearch.best(places(), OptionalInt.empty());
    assertEquals(
        Optional.of(folder.resolve("first.jar/libcudnn.so.9")),
        search.hits().get(NvidiaLibrary.CUDNN).file());
  }

  @Test
  void librariesOfSeveralReleasesAreNotMixedSilently() {
    LibraryReport cudart = report("CUDA runtime", LibraryJar.SOURCE, "/m2/cuda-redist-13.3.jar");
    LibraryReport cudnn = report("cuDNN", "LD_LIBRARY_PATH", "/usr/lib");
    LibraryReport missing =
        new LibraryReport(
            "NCCL",
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            List.of(),
            Optional.of("was not found"),
            "");
    String mixture = LibraryMixture.of(List.of(cudart, cudnn, missing)).orElseThrow();
    assertTrue(mixture.startsWith("CUDA runtime of the class path (cuda-redist-13.3.jar) and"));
    assertTrue(mixture.contains("cuDNN (/usr/lib/x.so)"), mixture);
    assertEquals(Optional.empty(), LibraryMixture.of(List.of(cudart, missing)));
    assertEquals(Optional.empty(), LibraryMixture.of(List.of(cudnn, missing)));
  }

  private static LibraryReport report(String name, String source, String place) {
    return new LibraryReport(
        name,
        Optional.of(Path.of(place, "x.so")),
        Optional.of(new SearchedPlace(source, Path.of(place))),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        "");
  }

  private List<LibraryPlace> places() throws IOException {
    try (URLClassLoader loader = new URLClassLoader(classPath.toArray(URL[]::new), null)) {
      return LibraryJar.of(loader, LibraryCache.ofProcess());
    }
  }

  private Path unpack(NvidiaLibrary library, String name) throws IOException {
    LibraryPlace place =
        places().stream().filter(each -> each.find(name).isPresent()).findFirst().orElseThrow();
    return place.file(library, name);
  }

  private static List<String> beside(Path file) throws IOException {
    try (Stream<Path> files = Files.list(file.getParent())) {
      return files.map(each -> each.getFileName().toString()).sorted().toList();
    }
  }

  private static byte[] content(String name) {
    return ("this is " + name).getBytes(StandardCharsets.UTF_8);
  }

  private void pack(String name, List<String> libraries) throws IOException {
    Path jar = folder.resolve(name);
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out)) {
      entries.putNextEntry(new JarEntry(FOLDER));
      for (String library : libraries) {
        entries.putNextEntry(new JarEntry(FOLDER + library));
        entries.write(content(library));
      }
      entries.putNextEntry(new JarEntry(FOLDER + "include/cuda.h"));
      entries.closeEntry();
    }
    classPath.add(jar.toUri().toURL());
  }
}
