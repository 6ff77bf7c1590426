package dev.cocoli.bindings;

import dev.cocoli.bindings.cache.LibraryCache;
import dev.cocoli.bindings.onednn.OneDnnFiles;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.JarURLConnection;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A jar with NVIDIA's libraries, as JavaCPP redistributes them: {@code org.bytedeco:cuda-redist}
 * has the CUDA runtime and NVRTC, its siblings have cuBLAS, cuDNN and NCCL, all in one folder. Of a
 * jar only the libraries that are loaded are unpacked, because the rest is several times as large.
 *
 * @param path the jar
 * @param libraries the files in its folder, by name
 * @param cache the cache into which it is unpacked
 */
record LibraryJar(Path path, SortedMap<String, URL> libraries, LibraryCache cache)
    implements LibraryPlace {
  /** The reason why a jar is searched. */
  static final String SOURCE = "the class path";

  private static final String FOLDER = "org/bytedeco/cuda/";

  /** The first part of the names of the jars' modules. */
  private static final String MODULES = "org.bytedeco.cuda.";

  @Override
  public String source() {
    return SOURCE;
  }

  @Override
  public Optional<String> find(String name) {
    return LibraryPlace.highest(List.copyOf(libraries.keySet()), name);
  }

  @Override
  public Path file(NvidiaLibrary library, String name) throws IOException {
    List<URL> together = new ArrayList<>();
    int index = 0;
    for (Map.Entry<String, URL> file : libraries.entrySet()) {
      if (library.liesBeside(file.getKey(), name)) {
        index = file.getKey().equals(name) ? together.size() : index;
        together.add(file.getValue());
      }
    }
    String folder = library.companion().name().toLowerCase(Locale.ROOT);
    return cache.unpack(folder, together).get(index);
  }

  /** The jars that the class path and the module path of this class have. */
  static List<LibraryPlace> ofProcess() {
    Set<ClassLoader> loaders = new LinkedHashSet<>();
    loaders.add(LibraryJar.class.getClassLoader());
    ModuleLayer layer = LibraryJar.class.getModule().getLayer();
    if (layer != null) {
      // in a module layer each module may have a class loader of its own
      layer.modules().stream()
          .filter(module -> module.getName().startsWith(MODULES))
          .forEach(module -> loaders.add(module.getClassLoader()));
    }
    List<LibraryPlace> places = new ArrayList<>();
    for (ClassLoader loader : loaders) {
      places.addAll(of(loader, LibraryCache.ofProcess()));
    }
    return places;
  }

  /** The jars of a class loader in its order; a folder of them that was unpacked is a directory. */
  static List<LibraryPlace> of(ClassLoader loader, LibraryCache cache) {
    String folder = FOLDER + OneDnnFiles.platform() + "/";
    List<String> bases = new ArrayList<>();
    Map<String, LibraryPlace> places = new HashMap<>();
    try {
      for (String name : NvidiaLibrary.wholeNames()) {
        int next = bases.size();
        for (URL found : Collections.list(loader.getResources(folder + name)).reversed()) {
          String text = found.toString();
          String base = text.substring(0, text.length() - name.length());
          if (bases.contains(base)) {
            next = bases.indexOf(base);
            continue;
          }
          Optional<LibraryPlace> place = place(found, folder, base, loader, cache);
          if (place.isPresent()) {
            places.put(base, place.get());
            bases.add(next, base); // before those that come later on the class path
          }
        }
      }
    } catch (IOException e) {
      // whoever wants a library that is missing then gets the places that were searched
      System.getLogger(LibraryJar.class.getName())
          .log(Level.WARNING, "A jar of the class path cannot be read: " + e.getMessage());
    }
    return bases.stream().map(places::get).toList();
  }

  private static Optional<LibraryPlace> place(
      URL found, String folder, String base, ClassLoader loader, LibraryCache cache)
      throws IOException {
    URLConnection connection = found.openConnection();
    connection.setUseCaches(false);
    if (!(connection instanceof JarURLConnection jar)) {
      // a class loader's own kind of location may be neither
      return "file".equals(found.getProtocol())
          ? Optional.of(new LibraryDirectory(SOURCE, path(found).getParent()))
          : Optional.empty();
    }
    SortedMap<String, URL> libraries = new TreeMap<>();
    List<String> names;
    try (var file = jar.getJarFile()) {
      names =
          file.stream()
              .map(entry -> entry.getName())
              .filter(name -> name.startsWith(folder) && name.lastIndexOf('/') < folder.length())
              .map(name -> name.substring(folder.length()))
              .filter(name -> !name.isEmpty())
              .toList();
    }
    for (String name : names) {
      for (URL each : Collections.list(loader.getResources(folder + name))) {
        if (each.toString().equals(base + name)) {
          libraries.put(name, each);
        }
      }
    }
    return Optional.of(new LibraryJar(path(jar.getJarFileURL()), libraries, cache));
  }

  /** The path of a URL; for a jar in a jar, whose URL only its class loader can read, in words. */
  private static Path path(URL url) throws IOException {
    if (!"file".equals(url.getProtocol())) {
      return Path.of(url.getPath().replace("!", ""));
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IOException(url + " is no path", e);
    }
  }
}
