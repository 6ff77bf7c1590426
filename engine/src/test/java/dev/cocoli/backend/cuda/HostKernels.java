package dev.cocoli.backend.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Compiles the kernels for the host: every file of {@code dev/cocoli/cuda} with a header that
 * provides what CUDA has built in, into one shared library.
 */
final class HostKernels {
  private static final String SOURCES = "/dev/cocoli/cuda";
  private static final List<String> RUNTIME =
      List.of("host/cuda_on_host.h", "host/cuda_on_host.cpp");

  private static final long MINUTES = 10;

  private HostKernels() {}

  /** Whether the compiled kernels check addresses and undefined behaviour. */
  enum Checks {
    /** They do not. */
    NONE,
    /** They do; the process must have been started with the address sanitizer's library. */
    SANITIZERS
  }

  /** Returns the names of the kernel files, without their ending. */
  static List<String> files() {
    return sources().keySet().stream()
        .filter(name -> name.endsWith(".cu"))
        .map(name -> name.substring(0, name.length() - 3))
        .toList();
  }

  /** Compiles what is not compiled yet. */
  static Path library(String compiler, Checks checks) {
    return library(compiler, checks, sources());
  }

  /** Compiles the kernels that are wrong on purpose, if they are not compiled yet. */
  static Path mistakes(String compiler, Checks checks) {
    SortedMap<String, byte[]> sources = new TreeMap<>();
    sources.put("cocoli.cuh", resource(SOURCES + "/cocoli.cuh"));
    sources.put("mistakes.cu", resource(SOURCES + "/host/mistakes.cu"));
    return library(compiler, checks, sources);
  }

  private static Path library(String compiler, Checks checks, SortedMap<String, byte[]> sources) {
    for (String name : RUNTIME) {
      sources.put(name.substring(name.indexOf('/') + 1), resource(SOURCES + "/" + name));
    }
    // lines are what a sanitizer's message needs
    List<String> command =
        new ArrayList<>(List.of(compiler, "-std=c++17", "-g1", "-fPIC", "-Wall"));
    command.add("-O1");
    // as on the GPU, where products and sums are rounded apart
    command.add("-ffp-contract=off");
    if (checks == Checks.SANITIZERS) {
      command.add("-fsanitize=address,undefined");
      command.add("-fno-sanitize-recover=undefined");
    }
    return CompiledOnce.folder(sources, command, work -> compile(sources, command, work))
        .resolve("libkernels.so");
  }

  private static void compile(Map<String, byte[]> sources, List<String> command, Path work)
      throws IOException {
    List<String> units = new ArrayList<>(List.of("cuda_on_host.cpp"));
    for (String name : sources.keySet()) {
      if (name.endsWith(".cu")) {
        String stem = name.substring(0, name.length() - 3);
        // files may use the same names for different things
        Files.writeString(
            work.resolve(stem + ".unit.cpp"),
            "#include \"cuda_on_host.h\"\nnamespace %s_cu {\n#include \"%s\"\n}\n"
                .formatted(stem, name));
        units.add(stem + ".unit.cpp");
      }
    }
    List<Process> running = new ArrayList<>();
    List<String> link = new ArrayList<>(command);
    link.addAll(List.of("-shared", "-o", "libkernels.so"));
    for (String unit : units) {
      List<String> compile = new ArrayList<>(command);
      compile.addAll(List.of("-c", unit, "-o", unit + ".o"));
      link.add(unit + ".o");
      if (running.size() >= Runtime.getRuntime().availableProcessors()) {
        await(running.removeFirst(), work);
      }
      running.add(start(compile, work));
    }
    for (Process process : running) {
      await(process, work);
    }
    await(start(link, work), work);
  }

  private static Process start(List<String> command, Path work) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(work.toFile())
            .redirectErrorStream(true)
            .redirectOutput(
                ProcessBuilder.Redirect.appendTo(work.resolve("compiler.log").toFile()));
    builder.environment().remove("LD_PRELOAD");
    return builder.start();
  }

  private static void await(Process process, Path work) throws IOException {
    try {
      if (!process.waitFor(MINUTES, TimeUnit.MINUTES) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IllegalStateException(
            "the kernels do not compile for the host:\n"
                + Files.readString(work.resolve("compiler.log")));
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static SortedMap<String, byte[]> sources() {
    try {
      URI place = HostKernels.class.getResource(SOURCES + "/cocoli.cuh").toURI();
      if (!place.getScheme().equals("jar")) {
        return read(Path.of(place).getParent());
      }
      try (FileSystem jar = FileSystems.newFileSystem(place, Map.of())) {
        return read(jar.getPath(SOURCES));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static SortedMap<String, byte[]> read(Path folder) throws IOException {
    SortedMap<String, byte[]> found = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".cu") || name.endsWith(".cuh")) {
          found.put(name, Files.readAllBytes(file));
        }
      }
    }
    return found;
  }

  private static byte[] resource(String name) {
    try (InputStream in = HostKernels.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
