package dev.cocoli.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The process in which commands and snippets of the documents run, in its working folder. Its
 * argument is a file with a line for each: {@code cocoli} and the words of a command, or {@code
 * snippet} and the name of a class. It prints a line for each: {@code ok} or {@code failed}, with
 * the reason.
 */
public final class DocumentsRun {
  /** Options whose files and folders a command must leave. */
  private static final Set<String> WRITTEN = Set.of("--out", "--json", "--detections-out");

  private DocumentsRun() {}

  /**
   * Runs it.
   *
   * @param arguments the file
   */
  public static void main(String[] arguments) throws Exception {
    for (String line : Files.readAllLines(Path.of(arguments[0]))) {
      List<String> words = List.of(line.split(" "));
      long began = System.nanoTime();
      String problem =
          words.getFirst().equals("cocoli")
              ? command(words.subList(1, words.size()))
              : snippet(words.getLast());
      long millis = (System.nanoTime() - began) / 1_000_000;
      System.out.printf("%s %5d ms %s%n", problem.isEmpty() ? "ok" : "failed", millis, line);
      if (!problem.isEmpty()) {
        System.out.println(problem);
      }
    }
  }

  /** Returns what was wrong with a command; an empty text if nothing was. */
  private static String command(List<String> words) throws IOException {
    List<Path> written = new ArrayList<>();
    for (int i = 1; i < words.size(); i++) {
      if (WRITTEN.contains(words.get(i - 1))) {
        written.add(Path.of(words.get(i)));
      }
    }
    boolean isNewRun = Set.of("train", "family").contains(words.getFirst());
    if (isNewRun && !words.contains("--resume")) {
      written.forEach(DocumentsRun::delete); // another document may have made it
    }
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said, true);
    int code = Main.run(List.of(), out, out, words.toArray(String[]::new));
    String missing =
        written.stream()
            .filter(path -> !Files.exists(path))
            .map(Path::toString)
            .findAny()
            .orElse("");
    return code == 0 && missing.isEmpty()
        ? ""
        : "exit code " + code + (missing.isEmpty() ? "" : ", no " + missing) + "\n" + said;
  }

  private static void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> below = Files.walk(folder)) {
      for (Path path : below.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String snippet(String name) throws ReflectiveOperationException {
    Class<?> type = Class.forName(name);
    try {
      type.getMethod("run").invoke(type.getConstructor().newInstance());
      return "";
    } catch (InvocationTargetException e) {
      StringWriter trace = new StringWriter();
      e.getCause().printStackTrace(new PrintWriter(trace));
      return trace.toString();
    }
  }
}
