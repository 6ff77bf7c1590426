package dev.cocoli.cli.terminal;

import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Turns an exception into one line for the user. */
public final class ErrorMessages {
  /** The end of a message of {@code ImageDecoder}, which says how much an image needs. */
  private static final String OF_HEAP = "of Java's heap (-Xmx)";

  private ErrorMessages() {}

  public static String of(Throwable problem) {
    return oneLine(
        switch (problem) {
          // the messages of these exceptions are only the file's name
          case NoSuchFileException e -> e.getFile() + ": there is no such file or folder";
          case AccessDeniedException e -> e.getFile() + ": permission denied";
          case FileAlreadyExistsException e -> e.getFile() + ": exists already";
          case DirectoryNotEmptyException e -> e.getFile() + ": the folder is not empty";
          case NotDirectoryException e -> e.getFile() + ": is no folder";
          case FileSystemException e ->
              e.getFile() + ": " + (e.getReason() == null ? "cannot be used" : e.getReason());
          case UncheckedIOException e -> of(e.getCause());
          case OutOfMemoryError e when isOfThreads(e) ->
              "the system gives this process no more threads ("
                  + e.getMessage()
                  + "); raise its limit (ulimit -u, a container's --pids-limit), or fewer with"
                  + " COCOLI_JAVA_OPTS=-Dcocoli.threads=N";
          case OutOfMemoryError e when String.valueOf(e.getMessage()).endsWith(OF_HEAP) ->
              "out of memory: " + e.getMessage() + "; COCOLI_JAVA_OPTS=-Xmx4g gives it 4 GB";
          case OutOfMemoryError e ->
              "out of memory: "
                  + e.getMessage()
                  + "; use a smaller --batch or --min-size, or give Java more with"
                  + " COCOLI_JAVA_OPTS=-Xmx4g";
          default -> withClass(problem);
        });
  }

  /** The JVM has one error for both; a smaller batch takes as many threads. */
  private static boolean isOfThreads(OutOfMemoryError error) {
    return String.valueOf(error.getMessage()).contains("native thread");
  }

  /** An unexpected exception, whose message alone may not be helpful. */
  private static String withClass(Throwable problem) {
    boolean foreseen =
        problem instanceof java.io.IOException
            || problem instanceof IllegalArgumentException
            || problem.getClass().getName().startsWith("dev.cocoli.");
    if (foreseen && problem.getMessage() != null) {
      return problem.getMessage();
    }
    return "internal error: " + problem + " (--debug shows where; please report it)";
  }

  public static String oneLine(String text) {
    if (text == null) {
      return "";
    }
    // an expression with white space on both sides of the line's end takes quadratic time
    return Arrays.stream(text.split("\\R"))
        .map(String::strip)
        .filter(line -> !line.isEmpty())
        .collect(Collectors.joining(" "));
  }
}
