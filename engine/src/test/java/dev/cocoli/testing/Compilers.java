package dev.cocoli.testing;

import java.io.IOException;
import java.util.Optional;
import java.util.stream.Stream;

/** The machine's compilers of C and C++, with which tests build what stands in for a GPU. */
public final class Compilers {
  private Compilers() {}

  /** {@return the C compiler, if there is one: that of CC, or cc, or gcc, or clang} */
  public static Optional<String> c() {
    return first(named("CC", "cc"), "gcc", "clang");
  }

  /** {@return the C++ compiler, if there is one: that of CXX, or g++, or clang++} */
  public static Optional<String> cpp() {
    return first(named("CXX", "g++"), "g++", "clang++");
  }

  private static String named(String variable, String otherwise) {
    return Optional.ofNullable(System.getenv(variable)).orElse(otherwise);
  }

  private static Optional<String> first(String... compilers) {
    return Stream.of(compilers).filter(Compilers::runs).findFirst();
  }

  private static boolean runs(String compiler) {
    try {
      return new ProcessBuilder(compiler, "--version")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException _) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
