package dev.cocoli.backend.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Compiles the kernels for the host: every file of {@code dev/cocoli/cuda} with a header that
 * provides what CUDA has built in, into one shared library. What was compiled from the same sources
 * with the same flags is used again.
 */
final class HostKernels {
  private static final String SOURCES = "/dev/cocoli/cuda";
  private static final List<String> RUNTIME =
      List.of("host/cuda_on_host.h", "host/cuda_on_host.cpp");

  /** Another module may use what this one has compiled. */
  private static final Path CACHE =
      Path.of(System.getProperty("cocoli.test.host.kernels", "target/host-kernels"));

  private static final long MINUTES = 10;

  private HostKernels() {}

  /** Whether the compiled kernels check addresses and undefined behaviour. */
  enum Checks {
    /** They do not. */
    NONE,
    /** They do; the process must have been started with the address sanitizer's library. */
    SANITIZERS
  }

  /** Returns the C++ compiler, if there is one: that of CXX, or g++, or clang++. */
  static Optional<String> compiler() {
    return Stream.of(Optional.ofNullable(System.getenv("CXX")).orElse("g++"), "g++", "clang++")
        .filter(HostKernels::runs)
        .findFirst();
  }

  private static boolean runs(String compiler) {
    try {
      return new ProcessBuilder(compiler, "--version")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
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
    Map<String, byte[]> sources = new TreeMap<>();
    sources.put("cocoli.cuh", resource(SOURCES + "/cocoli.cuh"));
    sources.put("mistakes.cu", resource(SOURCES + "/host/mistakes.cu"));
    return library(compiler, checks, sources);
  }

  private static synchronized Path library(
      String compiler, Checks checks, Map<String, byte[]> sources) {
    for (String name : RUNTIME) {
      sources.put(name.substring(name.indexOf('/') + 1), resource(SOURCES + "/" + name));
    }
    List<String> flags = new ArrayList<>(List.of("-std=c++17", "-O1", "-g", "-fPIC", "-Wall"));
    // as on the GPU, where products and sums are rounded apart
    flags.add("-ffp-contract=off");
    if (checks == Checks.SANITIZERS) {
      flags.add("-fsanitize=address,undefined");
      flags.add("-fno-sanitize-recover=undefined");
    }
    Path folder = CACHE.resolve(digest(sources, compiler, flags));
    Path library = folder.resolve("libkernels.so").toAbsolutePath();
    try {
      if (!Files.exists(library)) {
        compile(sources, compiler, flags, folder, library);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return library;
  }

  private static void compile(
      Map<String, byte[]> sources, String compiler, List<String> flags, Path folder, Path library)
      throws IOException {
    Files.createDirectories(CACHE);
    Path work = Files.createTempDirectory(CACHE, "compiling");
    for (Map.Entry<String, byte[]> source : sources.entrySet()) {
      Files.write(work.resolve(source.getKey()), source.getValue());
    }
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
    List<String> link = new ArrayList<>(List.of(compiler));
    link.addAll(flags);
    link.addAll(List.of("-shared", "-o", "libkernels.so"));
    for (String unit : units) {
      List<String> command = new ArrayList<>(List.of(compiler));
      command.addAll(flags);
      command.addAll(List.of("-c", unit, "-o", unit + ".o"));
      link.add(unit + ".o");
      if (running.size() >= Runtime.getRuntime().availableProcessors()) {
        await(running.removeFirst(), work);
      }
      running.add(start(command, work));
    }
    for (Process process : running) {
      await(process, work);
    }
    await(start(link, work), work);
    Files.createDirectories(folder);
    Files.move(
        work.resolve("libkernels.so"),
        library,
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    try (Stream<Path> rest = Files.list(work)) {
      for (Path file : rest.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(work);
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

  private static Map<String, byte[]> sources() {
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

  private static Map<String, byte[]> read(Path folder) throws IOException {
    Map<String, byte[]> found = new TreeMap<>();
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

  private static String digest(Map<String, byte[]> sources, String compiler, List<String> flags) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update((compiler + flags).getBytes(StandardCharsets.UTF_8));
      sources.forEach(
          (name, bytes) -> {
            digest.update(name.getBytes(StandardCharsets.UTF_8));
            digest.update(bytes);
          });
      return HexFormat.of().formatHex(digest.digest(), 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
