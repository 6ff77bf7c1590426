package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares the layout of every bound struct with what the C compiler makes of the header. */
class StructLayoutTest {
  private static final String DNNL_INCLUDE = "org/bytedeco/dnnl/linux-x86_64/include/";

  private @TempDir Path directory;

  @Test
  void oneDnn() throws Exception {
    compare("onednn", "oneapi/dnnl/dnnl.h", List.of(unpackDnnlHeaders()));
  }

  @Test
  void cudaRuntime() throws Exception {
    compare("cudart", "cuda_runtime_api.h", List.of(cudaHeaders()));
  }

  @Test
  void cublas() throws Exception {
    compare("cublas", "cublasLt.h", List.of(headersOf(NvidiaLibrary.CUBLAS), cudaHeaders()));
  }

  @Test
  void cudnn() throws Exception {
    compare("cudnn", "cudnn.h", List.of(headersOf(NvidiaLibrary.CUDNN), cudaHeaders()));
  }

  @Test
  void nccl() throws Exception {
    compare("nccl", "nccl.h", List.of(headersOf(NvidiaLibrary.NCCL), cudaHeaders()));
  }

  private void compare(String library, String header, List<Path> includes) throws Exception {
    if (includes.stream().noneMatch(include -> Files.isRegularFile(include.resolve(header)))) {
      Installed.skip("there is no " + header + " in " + includes);
    }
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
    List<String> command = new ArrayList<>(List.of("cc", "-o", "layout", source.toString()));
    includes.forEach(include -> command.add("-I" + include));
    if (!Files.isExecutable(Path.of("/usr/bin/cc"))) {
      Installed.skip("there is no C compiler at /usr/bin/cc");
    }
    run(command);
    return run(List.of(directory.resolve("layout").toString()));
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
    if (header == null || !(header.openConnection() instanceof JarURLConnection connection)) {
      Installed.skip("the jar of oneDNN for linux-x86_64 is not on the class path");
      throw new IllegalStateException("unreachable");
    }
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
