package dev.cocoli.bundle;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/** Copies what an archive has, but the Java runtime, from the built program to a folder. */
final class BundleFiles {
  private static final String COMMAND_LINE = "cocoli-cli-";
  private static final String NATIVES = "cocoli-natives-";
  private static final String NATIVE_FOLDER = "dev/cocoli/natives/";
  private static final String LICENCE_FOLDER = "META-INF/licenses/";

  private final Path program;
  private final Path libraries;
  private final Path root;

  /**
   * Names the folders.
   *
   * @param program the jar of this module, beside which its libraries lie
   * @param root the folder, which exists
   */
  BundleFiles(Path program, Path root) {
    this.program = program;
    this.root = root;
    libraries = program.resolveSibling("lib");
  }

  /**
   * Copies the jars: all that this program has, or those that the command line needs.
   *
   * @param selftest whether the tests and benchmarks go along
   */
  void copyJars(boolean selftest) throws IOException {
    Path main = selftest ? program : library(COMMAND_LINE);
    Files.copy(main, root.resolve("cocoli.jar"));
    Path lib = Files.createDirectories(root.resolve("lib"));
    for (Path jar : needed(main)) {
      if (!jar.getFileName().toString().startsWith(NATIVES)) {
        Files.copy(jar, lib.resolve(jar.getFileName()));
      }
    }
  }

  /** The libraries that a jar names in its manifest. */
  private List<Path> needed(Path jar) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      String names = file.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
      List<Path> found = new ArrayList<>();
      for (String name : names.split(" ")) {
        Path library = program.resolveSibling(name);
        // what is only measured through JavaCPP is named, and is not there
        if (Files.exists(library)) {
          found.add(library);
        }
      }
      return found;
    }
  }

  /** Unpacks the native libraries to the place where the bindings look first. */
  void unpackNatives() throws IOException {
    Path target = Files.createDirectories(root.resolve("lib/native"));
    try (JarFile jar = new JarFile(library(NATIVES).toFile())) {
      for (JarEntry entry : entries(jar, NATIVE_FOLDER)) {
        String name = entry.getName();
        copy(jar, entry, target.resolve(name.substring(name.lastIndexOf('/') + 1)));
      }
      Path licences = Files.createDirectories(root.resolve("licenses"));
      for (JarEntry entry : entries(jar, LICENCE_FOLDER)) {
        Path file = licences.resolve(entry.getName().substring(LICENCE_FOLDER.length()));
        Files.createDirectories(file.getParent());
        copy(jar, entry, file);
      }
    }
  }

  /** Copies the licence, and a text that says how to start. */
  void copyLicences() throws IOException {
    try (JarFile jar = new JarFile(program.toFile())) {
      for (String name : List.of("LICENSE", "NOTICE")) {
        copy(jar, jar.getJarEntry("META-INF/" + name), root.resolve(name));
      }
    }
    copyResource("README", root.resolve("README"));
  }

  /**
   * Copies the programs in {@code bin}.
   *
   * @param selftest whether the proof, and the comparison with other systems, go along
   */
  void copyLaunchers(boolean selftest) throws IOException {
    Path bin = Files.createDirectories(root.resolve("bin"));
    for (String name : selftest ? List.of("cocoli", "compare", "prove") : List.of("cocoli")) {
      copyResource("bin/" + name, bin.resolve(name));
      Files.setPosixFilePermissions(
          bin.resolve(name), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    if (selftest) {
      // the place where benchmarks/compare looks for it
      Path python = Files.createDirectories(root.resolve("benchmarks/src/main/python"));
      copyResource("python/peers.py", python.resolve("peers.py"));
    }
  }

  private Path library(String prefix) throws IOException {
    try (Stream<Path> found = Files.list(libraries)) {
      return found
          .filter(path -> path.getFileName().toString().startsWith(prefix))
          .findFirst()
          .orElseThrow(() -> new IOException("no " + prefix + "*.jar in " + libraries));
    }
  }

  private static List<JarEntry> entries(JarFile jar, String folder) {
    return Collections.list(jar.entries()).stream()
        .filter(entry -> entry.getName().startsWith(folder) && !entry.isDirectory())
        .toList();
  }

  private static void copy(JarFile jar, JarEntry entry, Path target) throws IOException {
    try (InputStream in = jar.getInputStream(entry)) {
      Files.copy(in, target);
    }
  }

  private static void copyResource(String name, Path target) throws IOException {
    try (InputStream in = BundleFiles.class.getResourceAsStream(name)) {
      Files.copy(in, target);
    }
  }
}
