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
 * The fenced blocks of README and docs, and the commands in their text. The first word of a block's
 * info string is its language. The second is {@code no-run} or {@code no-compile} for a block that
 * cannot be checked.
 */
final class Documents {
  private static final Path ROOT = Path.of("..");
  private static final Pattern FENCE = Pattern.compile("```(.*)");

  /** A command of the launcher in a line, up to what ends it in a shell. */
  private static final Pattern COMMAND =
      Pattern.compile("(?:^|\\s)(?:\\./|cocoli/bin/)?cocoli\\s+((?:[^#;&|>])*)");

  /** The same in the text of a document. */
  private static final Pattern MENTIONED = Pattern.compile("`(?:\\./)?cocoli ([^`]+)`");

  private Documents() {}

  /**
   * A fenced block.
   *
   * @param file its document
   * @param line the number of its first line, from 1
   * @param info its info string, such as {@code sh no-run}
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
      if (!isMarked("no-run")) {
        for (String line : shellLines()) {
          for (Matcher found = COMMAND.matcher(line); found.find(); ) {
            String words = found.group(1).strip();
            if (!words.isEmpty()) {
              commands.add(List.of(words.split("\\s+")));
            }
          }
        }
      }
      return commands;
    }

    /**
     * The lines of a block of shell, without comments and empty ones; continued ones are joined.
     */
    List<String> shellLines() {
      return language().equals("sh")
          ? Stream.of(text.replaceAll("\\\\\\R", " ").split("\\R"))
              .map(line -> line.replaceFirst("(^|\\s)#.*", "").strip())
              .filter(line -> !line.isEmpty())
              .toList()
          : List.of();
    }
  }

  /**
   * A command within a sentence.
   *
   * @param place its document and line
   * @param words its words without {@code cocoli}
   */
  record Mentioned(String place, List<String> words) {}

  /** Returns the commands in the text of all documents, outside of blocks. */
  static List<Mentioned> mentioned() throws IOException {
    List<Mentioned> commands = new ArrayList<>();
    for (Path file : files()) {
      boolean isBlock = false;
      int number = 0;
      for (String line : Files.readAllLines(file)) {
        number++;
        isBlock ^= line.startsWith("```");
        for (Matcher found = MENTIONED.matcher(line); !isBlock && found.find(); ) {
          List<String> words = List.of(found.group(1).strip().split("\\s+"));
          commands.add(new Mentioned(file.getFileName() + ":" + number, words));
        }
      }
    }
    return commands;
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

  /** Returns the blocks of all documents. */
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
