package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.onednn.OneDnnFiles;
import java.io.File;
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
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Programs that have JavaCPP's jars on their class path, with stand-ins for the libraries in them,
 * and nothing of NVIDIA's elsewhere.
 */
@Tag("slow")
class JarLoadingTest {
  private static final Map<String, List<String>> JARS =
      Map.of(
          "cuda-redist.jar",
          List.of("libcudart.so.13", "libnvrtc.so.13", "libnvrtc-builtins.so.13.3"),
          "cuda-redist-cublas.jar",
          List.of("libcublas.so.13", "libcublasLt.so.13"),
          "cuda-redist-cudnn.jar",
          List.of("libcudnn.so.9", "libcudnn_graph.so.9"),
          "cuda-redist-nccl.jar",
          List.of("libnccl.so.2"));

  /** What the stand-ins say of themselves; that of cuDNN only if it finds its part. */
  private static final String VERSIONS =
      """
      #include <dlfcn.h>
      #include <stddef.h>
      int cudaRuntimeGetVersion(int *v) { *v = 13030; return 0; }
      int cudaDriverGetVersion(int *v) { *v = 0; return 0; }
      int cudaGetDeviceCount(int *n) { *n = 0; return 35; }
      size_t cublasLtGetVersion(void) { return 130600; }
      int cublasGetProperty(int which, int *v) { *v = which == 0 ? 13 : which == 1 ? 6 : 0; return 0; }
      int nvrtcVersion(int *major, int *minor) { *major = 13; *minor = 3; return 0; }
      size_t cudnnGetVersion(void) { return dlopen("libcudnn_graph.so.9", RTLD_NOW) ? 92500 : 0; }
      size_t cudnnGetCudartVersion(void) { return 13030; }
      int ncclGetVersion(int *v) { *v = 23000; return 0; }
      """;

  @TempDir private static Path temporary;
  private static Path folder;
  private static Path library;

  /** Prints what it loads, then the same in another class loader. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) throws Exception {
      print();
      List<URL> urls = new ArrayList<>();
      for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
        urls.add(Path.of(place).toUri().toURL());
      }
      try (URLClassLoader loader =
          new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
        var method = loader.loadClass(Program.class.getName()).getDeclaredMethod("print");
        method.setAccessible(true);
        method.invoke(null);
      }
    }

    static void print() {
      DoctorReport report = Doctor.examine();
      for (LibraryReport library : report.libraries().subList(1, report.libraries().size())) {
        System.out.println(
            library.name()
                + "|"
                + library.version().orElse("")
                + "|"
                + library.file().map(Path::toString).orElse("")
                + "|"
                + library.place().map(place -> place.directory().toString()).orElse("")
                + "|"
                + library.problem().orElse(""));
      }
      System.out.println("mixture: " + report.mixture().orElse("none"));
    }
  }

  @BeforeAll
  static void compile() throws Exception {
    folder = temporary.toRealPath();
    StringBuilder source = new StringBuilder(VERSIONS);
    for (String list : List.of("cudart", "cublas", "nvrtc", "cudnn", "nccl")) {
      for (String function : AllowList.functions(list)) {
        if (!VERSIONS.contains(function + "(")) {
          source.append("const char *").append(function).append("(void) { return \"fake\"; }\n");
        }
      }
    }
    Path file = Files.writeString(folder.resolve("fake.c"), source);
    library = folder.resolve("fake.so");
    String rpath = "-Wl,-rpath,$ORIGIN";
    List<String> command =
        List.of("cc", "-shared", "-fPIC", rpath, "-o", library.toString(), file.toString(), "-ldl");
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.waitFor(), said);
    } catch (IOException e) {
      Installed.skip("libraries of jars: there is no C compiler");
    }
  }

  @Test
  void everyLibraryIsUnpackedOnceAndLoadedInTwoClassLoaders() throws Exception {
    List<String> jars = new ArrayList<>();
    for (String jar : JARS.keySet().stream().sorted().toList()) {
      jars.add(pack(jar).toString());
    }
    List<String> first = run(jars, Map.of());
    assertEquals(2 * (NvidiaLibrary.values().length + 1), first.size(), first::toString);
    int half = first.size() / 2;
    assertEquals(first.subList(0, half), first.subList(half, first.size()));
    String all = String.join("\n", first);
    for (String line :
        List.of(
            "CUDA runtime|13.3|",
            "cuBLASLt|13.6.0|",
            "cuBLAS|13.6.0|",
            "NVRTC|13.3|",
            "cuDNN|9.25.0|",
            "NCCL|2.30.0|",
            "mixture: none")) {
      assertTrue(all.contains(line), all);
    }
    for (String line : first.subList(0, half - 1)) {
      String[] fields = line.split("\\|", -1);
      assertTrue(Path.of(fields[2]).startsWith(folder.resolve("cache/native")), line);
      assertTrue(fields[3].startsWith(folder.resolve("cuda-redist").toString()), line);
      assertEquals("", fields[4], line);
    }
    List<Object> inodes = inodes();
    assertEquals(first, run(jars, Map.of()));
    assertEquals(inodes, inodes(), "unpacked again");
  }

  @Test
  void whatTheUserNamesComesFirstAndAMixtureIsSaid() throws Exception {
    Path own = Files.createDirectories(folder.resolve("own"));
    for (String name : JARS.get("cuda-redist-cudnn.jar")) {
      Files.copy(library, own.resolve(name));
    }
    List<String> jars = List.of(pack("cuda-redist.jar").toString());
    Path system = Files.createDirectories(folder.resolve("system"));
    for (String name :
        List.of("libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libnccl.so.2")) {
      Files.copy(library, system.resolve(name));
    }
    List<String> lines =
        run(
            jars,
            Map.of("COCOLI_LIBRARY_PATH", own.toString(), "LD_LIBRARY_PATH", system.toString()));
    String all = String.join("\n", lines);
    assertTrue(all.contains("cuDNN|9.25.0|" + own.resolve("libcudnn.so.9") + "|"), all);
    assertTrue(all.contains("CUDA runtime|13.3|" + folder.resolve("cache")), all);
    assertTrue(all.contains("cuBLAS|13.6.0|" + system.resolve("libcublas.so.13")), all);
    assertTrue(
        all.contains("mixture: CUDA runtime, NVRTC built-ins, NVRTC of the class path"), all);
    assertTrue(all.contains("are used together"), all);
  }

  private static List<Object> inodes() throws IOException {
    List<Object> inodes = new ArrayList<>();
    try (Stream<Path> files = Files.walk(folder.resolve("cache/native"))) {
      for (Path file : files.filter(each -> each.toString().contains(".so")).sorted().toList()) {
        inodes.add(Files.getAttribute(file, "unix:ino"));
      }
    }
    return inodes;
  }

  private static Path pack(String name) throws IOException {
    Path jar = folder.resolve(name);
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out)) {
      for (String file : JARS.get(name)) {
        String path = "org/bytedeco/cuda/" + OneDnnFiles.platform() + "/" + file;
        entries.putNextEntry(new JarEntry(path));
        Files.copy(library, entries);
        // a build id of its own: files with the same bytes are the same library for the cache only
        entries.write(file.getBytes(StandardCharsets.UTF_8));
      }
      entries.closeEntry();
    }
    return jar;
  }

  /** Runs the program without anything of NVIDIA's but the jars and what the variables name. */
  private static List<String> run(List<String> jars, Map<String, String> variables)
      throws Exception {
    List<String> classPath = new ArrayList<>(List.of(System.getProperty("java.class.path")));
    classPath.addAll(jars);
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dcocoli.cache=" + folder.resolve("cache"),
            "-cp",
            String.join(File.pathSeparator, classPath),
            Program.class.getName());
    builder
        .environment()
        .keySet()
        .removeAll(List.of("VIRTUAL_ENV", "COCOLI_LIBRARY_PATH", "LD_LIBRARY_PATH"));
    builder.environment().putAll(variables);
    Process process = builder.redirectError(folder.resolve("errors").toFile()).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String errors = Files.readString(folder.resolve("errors"));
    assertEquals(0, process.waitFor(), said + errors);
    // said once in each class loader, and by the report
    assertEquals(variables.isEmpty(), !errors.contains("are used together"), errors);
    return said.lines().toList();
  }
}
