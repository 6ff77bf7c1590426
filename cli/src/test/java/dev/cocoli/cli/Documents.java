package dev.cocoli.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The fenced blocks of README and docs. The first word of a block's info string is its language.
 * The second is {@code run} for commands that are run as written, and {@code no-run} or {@code
 * no-compile} for a block that cannot be checked.
 */
final class Documents {
  private static final Path ROOT = Path.of("..");
  private static final Pattern FENCE = Pattern.compile("```(.*)");

  /** A command of the launcher in a line, up to what ends it in a shell. */
  private static final Pattern COMMAND =
      Pattern.compile("(?:^|\\s)(?:\\./|cocoli/bin/)?cocoli\\s+((?:[^#;&|>])*)");

  private Documents() {}

  /**
   * A fenced block.
   *
   * @param file its document
   * @param line the number of its first line, from 1
   * @param info its info string, such as {@code sh run}
   * @param text its lines
   */
  record Block(Path file, int line, String info, String text) {
    String language() {
      return info.split(" ")[0];
    }

    boolean isMarked(String word) {
      return info.endsWith(" " + word);
    }

    String place() {
      return file.getFileName() + ":" + line;
    }

    /** The commands of cocoli in a block of shell, each as its words without {@code cocoli}. */
    List<List<String>> commands() {
      List<List<String>> commands = new ArrayList<>();
      boolean isShell = language().equals("sh") || language().isEmpty();
      if (!isShell || isMarked("no-run")) {
        return commands;
      }
      for (String one : text.replaceAll("\\\\\\R", " ").split("\\R")) {
        for (Matcher found = COMMAND.matcher(one); found.find(); ) {
          String words = found.group(1).replaceFirst("\\.\\.\\.\\s*$", "").strip();
          if (!one.startsWith("#") && !words.isEmpty()) {
            commands.add(List.of(words.split("\\s+")));
          }
        }
      }
      return commands;
    }
  }

  /** Returns README and the documents of docs. */
  static List<Path> files() throws IOException {
    try (Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
      return Stream.concat(
              Stream.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")),
              docs.filter(file -> file.toString().endsWith(".md")).sorted())
          .toList();
    }
  }

  static List<Block> blocks() throws IOException {
    List<Block> blocks = new ArrayList<>();
    for (Path file : files()) {
      blocks.addAll(blocks(file));
    }
    return blocks;
  }

  private static List<Block> blocks(Path file) throws IOException {
    List<Block> blocks = new ArrayList<>();
    List<String> lines = Files.readAllLines(file);
    int begin = -1;
    String info = "";
    for (int i = 0; i < lines.size(); i++) {
      Matcher fence = FENCE.matcher(lines.get(i));
      if (!fence.matches()) {
        continue;
      }
      if (begin < 0) {
        begin = i + 1;
        info = fence.group(1).strip();
      } else {
        blocks.add(new Block(file, begin + 1, info, String.join("\n", lines.subList(begin, i))));
        begin = -1;
      }
    }
    if (begin >= 0) {
      throw new AssertionError(file + ": the block of line " + begin + " does not end");
    }
    return blocks;
  }
}
