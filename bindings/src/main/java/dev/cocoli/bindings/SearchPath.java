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
 * Where NVIDIA's libraries may lie, the explicit before the customary: what the user names, {@code
 * LD_LIBRARY_PATH}, the toolkit, the system's directories, Python environments (where most hosts
 * with a GPU have them).
 */
final class SearchPath {
  /** The property that names directories, before the variable of the same purpose. */
  static final String PROPERTY = "cocoli.library.path";

  /** The variable that names directories. */
  static final String VARIABLE = "COCOLI_LIBRARY_PATH";

  private final UnaryOperator<String> environment;
  private final Path root;
  private final Map<Path, SearchedPlace> places = new LinkedHashMap<>();

  private SearchPath(UnaryOperator<String> environment, Path root) {
    this.environment = environment;
    this.root = root;
  }

  /** The places of this process. */
  static List<SearchedPlace> ofProcess() {
    return of(System.getProperty(PROPERTY), System::getenv, Path.of("/"));
  }

  /**
   * The places, without duplicates.
   *
   * @param property the value of {@link #PROPERTY}, or null
   * @param environment the variables, null where one is not set
   * @param root what the system's own paths are resolved against
   */
  static List<SearchedPlace> of(String property, UnaryOperator<String> environment, Path root) {
    SearchPath path = new SearchPath(environment, root);
    path.addExplicit(PROPERTY, property);
    path.addExplicit(VARIABLE, environment.apply(VARIABLE));
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
        // an environment's python3 is a link into the installation that it was made from
        addPythonOf(target(python));
      }
    }
    for (Path home : paths(environment.apply("HOME"))) {
      addPython("the user's Python packages", home.resolve(".local"));
    }
    // where pip puts them when it runs as root, as in most containers
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
    // Fedora and its kin; in a virtual environment it is a link to lib
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
    places.putIfAbsent(absolute, new SearchedPlace(source, absolute));
  }

  /** The directories in a variable's value; none where it is not set. */
  private static List<Path> paths(String value) {
    List<Path> paths = new ArrayList<>();
    for (String entry : value == null ? new String[0] : value.split(File.pathSeparator)) {
      if (!entry.isBlank()) {
        try {
          paths.add(Path.of(entry));
        } catch (InvalidPathException e) {
          // a name with letters that the locale lacks: the JVM could not open what is in it either
          continue;
        }
      }
    }
    return paths;
  }

  /** A file that cannot be read names no directories. */
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

  /** In the order of their names; nothing where there is no such directory. */
  static List<Path> glob(Path directory, String pattern) {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, pattern)) {
        entries.forEach(found::add);
      } catch (IOException e) {
        // a directory that cannot be read holds nothing that could be loaded
        found.clear();
      }
    }
    found.sort(null);
    return found;
  }
}
