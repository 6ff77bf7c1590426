package dev.cocoli.bindings;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Tells libraries of one release from those that were put together from several places. */
final class LibraryMixture {
  private LibraryMixture() {}

  /**
   * Describes a set of which some libraries are of the class path and some are not.
   *
   * @param libraries the reports of the libraries that are used together
   * @return one line that names them and says what to do; empty if all are of one kind
   */
  static Optional<String> of(List<LibraryReport> libraries) {
    List<LibraryReport> found =
        libraries.stream().filter(library -> library.place().isPresent()).toList();
    List<LibraryReport> ofJars = found.stream().filter(LibraryMixture::isOfClassPath).toList();
    List<LibraryReport> others = found.stream().filter(library -> !isOfClassPath(library)).toList();
    if (ofJars.isEmpty() || others.isEmpty()) {
      return Optional.empty();
    }
    String jars =
        ofJars.stream()
            .map(library -> library.place().orElseThrow().directory().getFileName())
            .map(Path::toString)
            .distinct()
            .collect(Collectors.joining(", "));
    return Optional.of(
        names(ofJars)
            + " of the class path ("
            + jars
            + ") and "
            + others.stream().map(LibraryMixture::withFile).collect(Collectors.joining(", "))
            + " are used together, but may be of releases that do not fit; add all of JavaCPP's"
            + " jars in one version (org.bytedeco:cuda-redist, cuda-redist-cublas,"
            + " cuda-redist-cudnn, for several GPUs cuda-redist-nccl), or none");
  }

  private static boolean isOfClassPath(LibraryReport library) {
    return library.place().orElseThrow().isOfClassPath();
  }

  private static String withFile(LibraryReport library) {
    return library.name() + " (" + library.file().orElseThrow() + ")";
  }

  private static String names(List<LibraryReport> libraries) {
    return libraries.stream().map(LibraryReport::name).collect(Collectors.joining(", "));
  }
}
