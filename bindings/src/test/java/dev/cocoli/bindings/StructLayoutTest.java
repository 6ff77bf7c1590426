package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.cocoli.bindings.cublas.Cublas;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.onednn.OneDnn;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares the layout of every bound struct with the C compiler's layout of the header. */
class StructLayoutTest {
  private static final String DNNL_INCLUDE = "org/bytedeco/dnnl/linux-x86_64/include/";

  private @TempDir Path directory;

  @Test
  void oneDnn() throws Exception {
    compare("onednn", "oneapi/dnnl/dnnl.h", List.of(unpackDnnlHeaders()));
  }

  @Test
  void cudaRuntime() throws Exception {
    Path toolkit = cudaHeaders();
    requireRelease(toolkit.resolve("cuda_runtime_api.h"), CudaRuntime.class, "CUDART_VERSION");
    compare("cudart", "cuda_runtime_api.h", List.of(toolkit));
  }

  @Test
  void cublas() throws Exception {
    Path headers = headersOf(NvidiaLibrary.CUBLAS);
    requireRelease(
        headers.resolve("cublas_api.h"),
        Cublas.class,
        "CUBLAS_VER_MAJOR",
        "CUBLAS_VER_MINOR",
        "CUBLAS_VER_PATCH");
    compare("cublas", "cublasLt.h", List.of(headers, cudaHeaders()));
  }

  @Test
  void nccl() throws Exception {
    Path headers = headersOf(NvidiaLibrary.NCCL);
    requireRelease(headers.resolve("nccl.h"), Nccl.class, "NCCL_MAJOR", "NCCL_MINOR", "NCCL_PATCH");
    compare("nccl", "nccl.h", List.of(headers, cudaHeaders()));
  }

  /** Skips other releases, whose structs may differ. */
  private static void requireRelease(Path header, Class<?> bindings, String... macros)
      throws Exception {
    if (!Files.isRegularFile(header)) {
      Installed.skip("there is no " + header);
    }
    List<String> bound = new ArrayList<>();
    List<String> installed = new ArrayList<>();
    for (String macro : macros) {
      bound.add(bindings.getMethod(macro).invoke(null).toString());
      Matcher definition =
          Pattern.compile("(?m)^\\s*#\\s*define\\s+" + macro + "\\s+(\\d+)")
              .matcher(Files.readString(header));
      installed.add(definition.find() ? definition.group(1) : "unknown");
    }
    if (!installed.equals(bound)) {
      Installed.skip(
          "%s is of release %s, the bindings are of %s"
              .formatted(header, String.join(".", installed), String.join(".", bound)));
    }
  }

  private void compare(String library, String header, List<Path> includes) throws Exception {
    List<String> expected = new ArrayList<>();
    StringBuilder program =
        new StringBuilder("#include <stddef.h>\n#include <stdio.h>\n#include <" + header + ">\n")
            .append("int main(void) {\n");
    for (String line : allowList(library)) {
      String kind = line.split(" ", 2)[0];
      if (!kind.equals("--include-struct") && !kind.equals("--include-typedef")) {
        continue;
      }
      String name = line.split(" ", 2)[1];
      String type = kind.equals("--include-struct") ? "struct " + name : name;
      GroupLayout layout =
          (GroupLayout)
              Class.forName("dev.cocoli.bindings." + library + "." + name)
                  .getMethod("layout")
                  .invoke(null);
      print(program, type + " size", "sizeof(" + type + ")");
      expected.add(type + " size " + layout.byteSize());
      for (MemoryLayout member : layout.memberLayouts()) {
        if (member.name().isPresent()) {
          String field = member.name().get();
          print(program, type + " " + field, "offsetof(" + type + ", " + field + ")");
          var path = MemoryLayout.PathElement.groupElement(field);
          expected.add(type + " " + field + " " + layout.byteOffset(path));
        }
      }
    }
    program.append("return 0;\n}\n");
    assertFalse(expected.isEmpty(), library + " binds no struct");
    assertEquals(expected, runC(program.toString(), includes));
  }

  private static void print(StringBuilder program, String what, String expression) {
    program.append("printf(\"").append(what).append(" %zu\\n\", ").append(expression);
    program.append(");\n");
  }

  private List<String> runC(String program, List<Path> includes) throws Exception {
    Path source = Files.writeString(directory.resolve("layout.c"), program);
    List<String> command = new ArrayList<>(List.of(compiler(), "-o", "layout", source.toString()));
    includes.forEach(include -> command.add("-I" + include));
    run(command);
    return run(List.of(directory.resolve("layout").toString()));
  }

  private static String compiler() {
    for (String folder : System.getenv("PATH").split(File.pathSeparator)) {
      Path compiler = Path.of(folder, "cc");
      if (Files.isExecutable(compiler)) {
        return compiler.toString();
      }
    }
    Installed.skip("there is no C compiler cc on the PATH");
    throw new IllegalStateException("unreachable");
  }

  private List<String> run(List<String> command) throws Exception {
    Process process =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).start();
    String output;
    try (InputStream in = process.getInputStream()) {
      output = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    assertEquals(0, process.waitFor(), output);
    return output.lines().toList();
  }

  private static List<String> allowList(String library) throws IOException {
    try (InputStream in = AllowList.class.getResourceAsStream(library + ".txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }

  private static Path cudaHeaders() {
    String home = System.getenv("CUDA_HOME");
    Path include = Path.of(home == null ? "/usr/local/cuda" : home, "include");
    if (!Files.isRegularFile(include.resolve("crt/host_defines.h"))) {
      Installed.skip("there is no CUDA toolkit with headers at " + include + " (set CUDA_HOME)");
    }
    return include;
  }

  /** A Python package has its headers beside its libraries. */
  private static Path headersOf(NvidiaLibrary library) {
    Path file = NvidiaLibraries.report(library).file().orElse(null);
    if (file == null) {
      Installed.skip(library.displayName() + " is not installed, nor are its headers");
    }
    return file.getParent().resolveSibling("include");
  }

  private Path unpackDnnlHeaders() throws IOException {
    URL header = OneDnn.class.getClassLoader().getResource(DNNL_INCLUDE + "oneapi/dnnl/dnnl.h");
    assertNotNull(header, "the jar of oneDNN for linux-x86_64 is on the tests' class path");
    JarURLConnection connection = assertInstanceOf(JarURLConnection.class, header.openConnection());
    for (JarEntry entry : connection.getJarFile().stream().toList()) {
      if (entry.getName().startsWith(DNNL_INCLUDE) && entry.getName().endsWith(".h")) {
        Path file = directory.resolve("dnnl").resolve(entry.getName());
        Files.createDirectories(file.getParent());
        try (InputStream in = connection.getJarFile().getInputStream(entry)) {
          Files.copy(in, file);
        }
      }
    }
    return directory.resolve("dnnl").resolve(DNNL_INCLUDE);
  }
}
