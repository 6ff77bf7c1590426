package dev.cocoli.backend.cuda.compile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.cuda.ComputeCapability;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.testing.Nvidia;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every kernel compiles for the GPUs of today, by the code that compiles them at first use. */
@Tag("slow")
class KernelCompilationTest {
  private static final Path SOURCES = Path.of("../native/src/main/cuda");
  private static final int[] ARCHITECTURES = {80, 90, 100};

  @TempDir private Path folder;

  @Test
  void everyFileCompilesForEveryComputeCapability() throws Exception {
    List<String> files = files();
    assertFalse(files.isEmpty(), "there is no kernel in " + SOURCES.toAbsolutePath());
    if (Nvidia.has(NvidiaLibrary.NVRTC)) {
      Nvidia.require(NvidiaLibrary.NVRTC);
      for (String file : files) {
        byNvrtc(KernelSource.ofResource(file));
      }
      System.out.println(
          "proved: " + files.size() + " kernel files compiled by NVRTC for sm_80, sm_90, sm_100");
    } else if (nvcc().isPresent()) {
      Path nvcc = nvcc().orElseThrow();
      files.parallelStream().forEach(file -> byNvcc(nvcc, file));
      System.out.println(
          "proved: " + files.size() + " kernel files compiled by nvcc for sm_80, sm_90, sm_100");
    } else {
      Nvidia.skip("kernels: neither NVRTC nor an nvcc on the PATH is there to compile them");
    }
  }

  private static void byNvrtc(KernelSource source) {
    KernelCompiler compiler = new KernelCompiler();
    for (int number : ARCHITECTURES) {
      CodeTarget target = ComputeCapability.ofNumber(number).target(compiler.supported());
      assertEquals("sm_" + number, target.option());
      byte[] cubin = compiler.compile(source, target);
      assertTrue(isElf(cubin), source.name() + " for " + number);
    }
  }

  private static boolean isElf(byte[] image) {
    return image.length > 4 && image[0] == 0x7f && image[1] == 'E' && image[2] == 'L';
  }

  /** The names of a file's kernels: each has a section of its own. */
  private static Set<String> kernels(String file) {
    byte[] cubin = new KernelCompiler().compile(KernelSource.ofResource(file), target(80));
    Matcher section =
        Pattern.compile("\\.text\\.(\\w+)").matcher(new String(cubin, StandardCharsets.ISO_8859_1));
    Set<String> names = new TreeSet<>();
    while (section.find()) {
      names.add(section.group(1));
    }
    return names;
  }

  private void byNvcc(Path nvcc, String file) {
    for (int number : ARCHITECTURES) {
      ProcessBuilder builder =
          new ProcessBuilder(
                  nvcc.toString(),
                  "--cubin",
                  "--gpu-architecture=sm_" + number,
                  "--std=c++17",
                  "--fmad=false",
                  "-o",
                  folder.resolve(file + number).toString(),
                  SOURCES.resolve(file + ".cu").toString())
              .redirectErrorStream(true);
      try {
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
      } catch (IOException | InterruptedException e) {
        throw new AssertionError("nvcc did not end", e);
      }
    }
  }

  private static Optional<Path> nvcc() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .map(directory -> Path.of(directory, "nvcc"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  private static List<String> files() throws IOException {
    List<String> files = new ArrayList<>();
    try (Stream<Path> all = Files.list(SOURCES)) {
      all.map(path -> path.getFileName().toString())
          .filter(name -> name.endsWith(".cu"))
          .sorted()
          .forEach(name -> files.add(name.substring(0, name.length() - 3)));
    }
    return files;
  }

  /** Every kernel that a {@code *Kernels} class names is in the file that it names. */
  @Test
  void everyKernelThatJavaNamesIsThere() throws Exception {
    Nvidia.require(NvidiaLibrary.NVRTC);
    Set<String> missing = new TreeSet<>();
    int named = 0;
    try (Stream<Path> all = Files.list(Path.of("src/main/java/dev/cocoli/backend/cuda/kernels"))) {
      for (Path java : all.filter(path -> path.toString().endsWith("Kernels.java")).toList()) {
        String text = Files.readString(java);
        Matcher file = Pattern.compile("String FILE = \"(\\w+)\"").matcher(text);
        if (!file.find()) {
          continue;
        }
        Set<String> there = kernels(file.group(1));
        Matcher kernel =
            Pattern.compile("(new Kernel|floats)\\(\\s*FILE,\\s*\"(\\w+)\"\\)").matcher(text);
        while (kernel.find()) {
          named++;
          String name = kernel.group(2);
          boolean floats = kernel.group(1).equals("floats");
          for (String one : floats ? List.of(name + "_f32", name + "_bf16") : List.of(name)) {
            if (!there.contains(one)) {
              missing.add(file.group(1) + ".cu: " + one);
            }
          }
        }
      }
    }
    assertTrue(named > 0, "no class names a kernel");
    assertEquals(Set.of(), missing);
  }

  @Test
  void aCompileErrorShowsTheLog() {
    Nvidia.require(NvidiaLibrary.NVRTC);
    KernelSource broken =
        KernelSource.of(
            "broken.cu",
            Map.of(
                    "broken.cu",
                    "#include \"beside.cuh\"\nKERNEL void f() { undeclared = 1; }",
                    "beside.cuh",
                    "#define KERNEL extern \"C\" __global__")
                ::get);
    NativeException e =
        assertThrows(NativeException.class, () -> new KernelCompiler().compile(broken, target(90)));
    assertEquals("NVRTC_ERROR_COMPILATION", e.symbolicName());
    assertTrue(e.getMessage().contains("broken.cu(2)"), e.getMessage());
    assertTrue(e.getMessage().contains("undeclared"), e.getMessage());
    assertTrue(e.getMessage().contains("sm_90"), e.getMessage());
  }

  @Test
  void intermediateCodeIsMadeForGpusThatAreTooNew() {
    Nvidia.require(NvidiaLibrary.NVRTC);
    KernelCompiler compiler = new KernelCompiler();
    CodeTarget newer = ComputeCapability.ofNumber(990).target(compiler.supported());
    assertEquals(CodeTarget.Form.PTX, newer.form());
    byte[] ptx = compiler.compile(KernelSource.ofResource("memory"), newer);
    assertTrue(new String(ptx, StandardCharsets.UTF_8).contains(".visible .entry"));
    assertEquals(0, ptx[ptx.length - 1], "the driver wants a zero at its end");
  }

  @Test
  void whatIsCompiledForWhichGpu() {
    int[] supported = {75, 80, 86, 89, 90, 100, 120};
    assertEquals("sm_90", new ComputeCapability(9, 0).target(supported).option());
    assertEquals("sm_86", new ComputeCapability(8, 7).target(supported).option(), "older minor");
    assertEquals("sm_100", new ComputeCapability(10, 3).target(supported).option());
    assertEquals("compute_100", new ComputeCapability(11, 0).target(supported).option());
    assertEquals("compute_120", new ComputeCapability(13, 0).target(supported).option());
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> new ComputeCapability(6, 1).target(supported));
    assertTrue(e.getMessage().contains("6.1") && e.getMessage().contains("7.5"), e.getMessage());
  }

  @Test
  void aFingerprintChangesWithAllThatItIsMadeOf() {
    Nvidia.require(NvidiaLibrary.NVRTC);
    KernelCompiler compiler = new KernelCompiler();
    KernelSource one = KernelSource.of("a.cu", Map.of("a.cu", "int x;")::get);
    Map<String, String> more = Map.of("a.cu", "#include \"h\"", "h", "int x;");
    Map<String, String> other = Map.of("a.cu", "#include \"h\"", "h", "int y;");
    Set<String> all = new TreeSet<>();
    all.add(compiler.fingerprint(one, target(80)));
    all.add(compiler.fingerprint(one, target(90)));
    all.add(
        compiler.fingerprint(
            one, new CodeTarget(ComputeCapability.ofNumber(80), CodeTarget.Form.PTX)));
    all.add(compiler.fingerprint(KernelSource.of("a.cu", more::get), target(80)));
    all.add(compiler.fingerprint(KernelSource.of("a.cu", other::get), target(80)));
    assertEquals(5, all.size());
    assertTrue(all.contains(compiler.fingerprint(one, target(80))), "the same twice");
  }

  @Test
  void aFileIsCompiledOnceAndAgainWhenItChanges() {
    Nvidia.require(NvidiaLibrary.NVRTC);
    KernelCompiler compiler = new KernelCompiler();
    CompiledKernels kept = new CompiledKernels(folder.resolve("kernels"));
    KernelSource before = KernelSource.of("a.cu", name -> "__global__ void f(int* x) { *x = 1; }");
    KernelSource after = KernelSource.of("a.cu", name -> "__global__ void f(int* x) { *x = 2; }");
    byte[] first = KernelModules.image(before, target(80), compiler, kept);
    assertArrayEquals(first, KernelModules.image(before, target(80), compiler, kept));
    assertEquals(1, folder.resolve("kernels").toFile().list().length);
    assertNotEquals(
        new String(first, StandardCharsets.ISO_8859_1),
        new String(
            KernelModules.image(after, target(80), compiler, kept), StandardCharsets.ISO_8859_1));
    assertEquals(2, folder.resolve("kernels").toFile().list().length);
  }

  private static CodeTarget target(int number) {
    return new CodeTarget(ComputeCapability.ofNumber(number), CodeTarget.Form.CUBIN);
  }
}
