package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.cli.Documents.Block;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Checks and runs what README and docs tell their readers to type. */
class DocumentsTest {
  /** Commands of the module bundle, which this one does not know. */
  private static final Set<String> OF_BUNDLE = Set.of("bundle", "prove", "selftest");

  /** Scripts of the repository that a document may name. */
  private static final Pattern SCRIPT =
      Pattern.compile("(?m)(?:^|\\s)((?:benchmarks|native|\\.ci)/[\\w./-]+)");

  /** What a snippet may use without an import of its own. */
  private static final List<String> IMPORTS =
      List.of(
          "dev.cocoli.*",
          "dev.cocoli.backend.*",
          "dev.cocoli.data.*",
          "dev.cocoli.data.augment.*",
          "dev.cocoli.data.formats.*",
          "dev.cocoli.data.image.*",
          "dev.cocoli.detection.*",
          "dev.cocoli.detection.config.*",
          "dev.cocoli.failure.*",
          "dev.cocoli.nn.*",
          "dev.cocoli.report.*",
          "dev.cocoli.structures.*",
          "dev.cocoli.tensor.*",
          "dev.cocoli.train.*",
          "dev.cocoli.train.optim.*",
          "java.awt.image.*",
          "java.io.*",
          "java.nio.file.*",
          "java.util.*",
          "javax.imageio.*");

  /** What a snippet may use without declaring it: fields, which its own variables hide. */
  private static final String FIELDS =
      "byte[] bytes; InputStream stream; BufferedImage buffered; Path path; Dataset data;\n";

  @TempDir private Path folder;

  @Test
  void everyCommandAndOptionExists() throws IOException {
    List<String> wrong = new ArrayList<>();
    int commands = 0;
    int unchecked = 0;
    for (Block block : Documents.blocks()) {
      unchecked += block.isMarked("no-run") ? 1 : 0;
      for (List<String> words : block.commands()) {
        commands++;
        String problem = problem(words);
        if (!problem.isEmpty()) {
          wrong.add(block.place() + ": " + String.join(" ", words) + ": " + problem);
        }
      }
      for (Matcher script = SCRIPT.matcher(block.text()); script.find(); ) {
        if (block.language().equals("sh") && !Files.exists(Path.of("..", script.group(1)))) {
          wrong.add(block.place() + ": there is no " + script.group(1));
        }
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(commands >= 30, "only " + commands + " commands were found");
    assertTrue(unchecked <= 6, unchecked + " blocks are marked no-run");
    System.out.printf(
        "proved: %d commands of the documents have options and values that exist; %d blocks are"
            + " not checked%n",
        commands, unchecked);
  }

  /** Returns why a command cannot be parsed; an empty text if it can. */
  private static String problem(List<String> words) {
    if (OF_BUNDLE.contains(words.getFirst())) {
      return "";
    }
    CommandLine line = Main.commandLine(List.of(), false, CommandHelp.Extent.SHORT_IF_MANY);
    try {
      ParseResult result = line.parseArgs(words.toArray(String[]::new));
      requireModel(result.subcommand());
      return "";
    } catch (ParameterException | IllegalArgumentException e) {
      return e.getMessage();
    }
  }

  private static void requireModel(ParseResult command) {
    String model = command.matchedOptionValue("--model", null);
    if (model != null) {
      OptionSpec set = command.matchedOption("--set");
      Map<String, String> changes = set == null ? Map.of() : set.getValue();
      assertFalse(ModelSpec.of(model, List.of("a"), Norm.Type.BATCH).with(changes) == null);
    }
  }

  @Test
  @Tag("slow")
  void everySnippetCompiles() throws IOException {
    List<JavaFileObject> sources = new ArrayList<>();
    int unchecked = 0;
    for (Block block : Documents.blocks()) {
      if (block.language().equals("java") && !block.isMarked("no-compile")) {
        sources.add(source(block, sources.size()));
      } else if (block.language().equals("java")) {
        unchecked++;
      }
    }
    assertTrue(sources.size() >= 4, "only " + sources.size() + " snippets were found");
    assertTrue(unchecked <= sources.size(), unchecked + " snippets are marked no-compile");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter errors = new StringWriter();
    List<String> options =
        List.of(
            "-proc:none", "-d", folder.toString(), "-cp", System.getProperty("java.class.path"));
    boolean compiled =
        compiler.getTask(errors, null, null, options, null, sources).call()
            && Files.list(folder).findAny().isPresent();
    assertTrue(compiled, errors.toString());
    System.out.printf(
        "proved: %d snippets of the documents compile; %d are not checked%n",
        sources.size(), unchecked);
  }

  /** Makes a compilation unit of a snippet: statements, methods, or classes. */
  private static JavaFileObject source(Block block, int number) {
    StringBuilder imports = new StringBuilder();
    IMPORTS.forEach(name -> imports.append("import ").append(name).append(";\n"));
    StringBuilder body = new StringBuilder();
    block
        .text()
        .lines()
        .forEach(line -> (line.startsWith("import ") ? imports : body).append(line).append("\n"));
    String name = block.place().replaceAll("\\W", "_") + "_" + number;
    String type = "(public |final |abstract )*(class|record|interface|enum) .*";
    String method = "(public |private |static )+[\\w<>\\[\\]]+ \\w+\\(.*";
    boolean isType = block.text().lines().anyMatch(line -> line.matches(type));
    boolean isMethod = block.text().lines().anyMatch(line -> line.matches(method));
    String members =
        isType || isMethod
            ? body.toString().replace("public class", "class")
            : FIELDS + "void run() throws Exception {\n" + body + "}\n";
    String text = imports + "class " + name + " {\n" + members + "}\n";
    return new SimpleJavaFileObject(
        URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
      @Override
      public CharSequence getCharContent(boolean ignoreEncodingErrors) {
        return text;
      }
    };
  }

  /** The demo is run first, with fewer images; all else is run in its folder as it is written. */
  @Test
  @Tag("slow")
  void whatIsToBeRunRuns() throws Exception {
    List<Block> blocks = Documents.blocks();
    assertEquals(0, run(java("demo", "--quick"), ""), () -> printed());
    Set<List<String>> commands = new LinkedHashSet<>();
    for (Block block : blocks) {
      if (block.isMarked("run")) {
        commands.addAll(block.commands());
      }
    }
    assertTrue(commands.remove(List.of("demo")), "no document runs the demo");
    assertTrue(commands.size() >= 3, commands.toString());
    for (List<String> command : commands) {
      assertEquals(0, run(java(command.toArray(String[]::new)), ""), () -> command + printed());
    }
    Map<Path, String> sessions = new LinkedHashMap<>();
    for (Block block : blocks) {
      if (block.language().equals("jshell")) {
        sessions.merge(block.file(), block.text() + "\n", String::concat);
      }
    }
    assertFalse(sessions.isEmpty(), "no document uses jshell");
    for (Map.Entry<Path, String> session : sessions.entrySet()) {
      run(jshell(session.getKey(), blocks), session.getValue());
      String said = printed();
      assertFalse(said.contains("|  Error") || said.contains("|  Exception"), said);
      assertTrue(said.contains("[circle, square, star, triangle]"), said);
      assertTrue(said.contains("|  Goodbye"), said);
    }
    assertTrue(Files.size(folder.resolve("found.png")) > 0);
    System.out.printf(
        "proved: %d commands and %d jshell session of the documents run as written%n",
        commands.size() + 1, sessions.size());
  }

  private static List<String> java(String... words) {
    List<String> command = new ArrayList<>(List.of(program("java")));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
    command.addAll(List.of(System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(words));
    return command;
  }

  private static String program(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
  }

  /** The command that starts jshell in a document, with the class path of this test. */
  private List<String> jshell(Path document, List<Block> blocks) {
    String line =
        blocks.stream()
            .filter(block -> block.file().equals(document))
            .flatMap(block -> block.text().lines())
            .filter(text -> text.startsWith("jshell "))
            .findFirst()
            .orElseThrow();
    List<String> command = new ArrayList<>(List.of(line.split(" ")));
    int classPath = command.indexOf("--class-path") + 1;
    assertEquals("cli/target/cocoli.jar", command.get(classPath));
    command.set(
        classPath,
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> Files.exists(Path.of(entry))) // jshell insists on it
            .collect(Collectors.joining(File.pathSeparator)));
    command.set(0, program("jshell"));
    command.add("-R-XX:TieredStopAtLevel=1");
    command.add("-J-XX:TieredStopAtLevel=1");
    command.add("-J-Djava.util.prefs.userRoot=" + folder);
    return command;
  }

  private int run(List<String> command, String input) throws Exception {
    Path typed = Files.writeString(folder.resolve("typed.txt"), input);
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectInput(typed.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("printed.txt").toFile())
            .start();
    assertTrue(process.waitFor(300, TimeUnit.SECONDS), command.toString());
    return process.exitValue();
  }

  private String printed() {
    try {
      return "\n" + Files.readString(folder.resolve("printed.txt"));
    } catch (IOException e) {
      return e.toString();
    }
  }
}
