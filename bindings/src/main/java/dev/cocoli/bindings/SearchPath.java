package dev.cocoli.bindings;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The places that may contain NVIDIA's libraries, explicit ones first: those that the user names,
 * jars that the application has on its class path, {@code LD_LIBRARY_PATH}, the toolkit, the
 * system's directories, and Python environments (where most hosts with a GPU have them).
 */
final class SearchPath {
  /** The property that names directories; it comes before the variable. */
  static final String PROPERTY = "cocoli.library.path";

  /** The variable that names directories. */
  static final String VARIABLE = "COCOLI_LIBRARY_PATH";

  private final UnaryOperator<String> environment;
  private final Path root;
  private final Map<Path, LibraryPlace> places = new LinkedHashMap<>();

  private SearchPath(UnaryOperator<String> environment, Path root) {
    this.environment = environment;
    this.root = root;
  }

  /** The places for this process. */
  static List<LibraryPlace> ofProcess() {
    return of(System.getProperty(PROPERTY), LibraryJar.ofProcess(), System::getenv, Path.of("/"));
  }

  /**
   * Returns the places, without duplicates.
   *
   * @param property the value of {@link #PROPERTY}, or null
   * @param jars the jars of the class path that have libraries
   * @param environment returns the value of a variable, null if it is not set
   * @param root the directory against which the system's own paths are resolved
   */
  static List<LibraryPlace> of(
      String property, List<LibraryPlace> jars, UnaryOperator<String> environment, Path root) {
    SearchPath path = new SearchPath(environment, root);
    path.addExplicit(PROPERTY, property);
    path.addExplicit(VARIABLE, environment.apply(VARIABLE));
    jars.forEach(jar -> path.places.putIfAbsent(jar.path(), jar));
    for (Path directory : paths(environment.apply("LD_LIBRARY_PATH"))) {
      path.add("LD_LIBRARY_PATH", directory);
    }
    path.addToolkits();
    path.addSystem();
    path.addPythons();
    return List.copyOf(path.places.values());
  }

  /** An entry is a directory of libraries, a Python environment, or its site-packages. */
  private void addExplicit(String source, String value) {
    for (Path directory : paths(value)) {
      add(source, directory);
      addPackages(source, directory);
      addPython(source, directory);
    }
  }

  private void addToolkits() {
    for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
      for (Path home : paths(environment.apply(variable))) {
        addToolkit(variable, home);
      }
    }
    addToolkit("the CUDA toolkit", root.resolve("usr/local/cuda"));
  }

  private void addToolkit(String source, Path home) {
    add(source, home.resolve("lib64"));
    String arch = System.getProperty("os.arch").equals("aarch64") ? "sbsa" : "x86_64";
    add(source, home.resolve("targets").resolve(arch + "-linux").resolve("lib"));
  }

  private void addSystem() {
    for (Path conf : glob(root.resolve("etc/ld.so.conf.d"), "*.conf")) {
      for (String line : lines(conf)) {
        if (line.startsWith("/")) {
          add("the system's " + conf.getFileName(), root.resolve(line.strip().substring(1)));
        }
      }
    }
    String triplet =
        (System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64") + "-linux-gnu";
    for (String directory :
        List.of("usr/lib/" + triplet, "usr/lib64", "usr/lib", "lib64", "usr/local/lib")) {
      add("the system", root.resolve(directory));
    }
  }

  private void addPythons() {
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      for (Path prefix : paths(environment.apply(variable))) {
        add(variable, prefix.resolve("lib"));
        addPython(variable, prefix);
      }
    }
    for (Path directory : paths(environment.apply("PATH"))) {
      Path python = directory.resolve("python3");
      if (Files.isExecutable(python)) {
        addPythonOf(python);
        // an environment's python3 is a link into the installation from which it was created
        addPythonOf(target(python));
      }
    }
    for (Path home : paths(environment.apply("HOME"))) {
      addPython("the user's Python packages", home.resolve(".local"));
    }
    // the place where pip installs when it runs as root, as in most containers
    addPython("the system's Python packages", root.resolve("usr/local"));
  }

  private void addPythonOf(Path python) {
    Path bin = python.toAbsolutePath().getParent();
    if (bin != null && bin.getParent() != null) {
      addPython("python3 on the PATH", bin.getParent());
    }
  }

  private void addPython(String source, Path prefix) {
    List<Path> libs = glob(prefix.resolve("lib"), "python3*");
    // as on Fedora and related systems; in a virtual environment it is a link to lib
    if (!Files.isSymbolicLink(prefix.resolve("lib64"))) {
      libs.addAll(glob(prefix.resolve("lib64"), "python3*"));
    }
    for (Path lib : libs) {
      addPackages(source, lib.resolve("site-packages"));
      addPackages(source, lib.resolve("dist-packages"));
    }
  }

  private void addPackages(String source, Path packages) {
    for (Path library : glob(packages.resolve("nvidia"), "*")) {
      if (Files.isDirectory(library.resolve("lib"))) {
        add(source, library.resolve("lib"));
      }
    }
  }

  private void add(String source, Path directory) {
    Path absolute = directory.toAbsolutePath().normalize();
    places.putIfAbsent(absolute, new LibraryDirectory(source, absolute));
  }

  /** The directories in a variable's value; empty if it is not set. */
  private static List<Path> paths(String value) {
    List<Path> paths = new ArrayList<>();
    for (String entry : value == null ? new String[0] : value.split(File.pathSeparator)) {
      if (!entry.isBlank()) {
        try {
          paths.add(Path.of(entry));
        } catch (InvalidPathException e) {
          // the name has letters that the locale lacks, so that the JVM could not open its files
          // either
          continue;
        }
      }
    }
    return paths;
  }

  /** The lines of a file; empty if it cannot be read. */
  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of();
    }
  }

  private static Path target(Path link) {
    try {
      return link.toRealPath();
    } catch (IOException e) {
      return link;
    }
  }

  /** The matching files in the order of their names; empty if there is no such directory. */
  static List<Path> glob(Path directory, String pattern) {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, pattern)) {
        entries.forEach(found::add);
      } catch (IOException e) {
        // nothing could be loaded from a directory that cannot be read
        found.clear();
      }
    }
    found.sort(null);
    return found;
  }
}
