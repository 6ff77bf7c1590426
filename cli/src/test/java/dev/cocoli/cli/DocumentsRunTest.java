package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.cli.Documents.Block;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs what README and docs tell their readers to type, from the text itself, in a folder that has
 * small data under their names ({@link DocumentFiles}). What is changed stands in the tables below.
 */
@Tag("slow")
class DocumentsRunTest {
  private static final int TIMEOUT_SECONDS = 1200;

  /** The models of the documents take minutes; these have the same parts, and few channels. */
  private static final Map<String, String> MODELS =
      Map.of(
          "fasterrcnn_resnet50_fpn", "fasterrcnn_tiny_fpn",
          "fasterrcnn_resnet18_fpn", "fasterrcnn_tiny_fpn",
          "fastrcnn_vgg16", "fastrcnn_tinyvgg");

  /** Options that a command gets; they take the place of the same ones in the text. */
  private static final Map<String, String> OPTIONS =
      Map.of(
          "demo", "--quick",
          "train", "--epochs 1 --min-size 64 --max-size 96",
          "resume", "--epochs 2",
          "family",
              "--epochs 1 --network tiny --timed 1 --set min_size=64 --set max_proposals=20"
                  + " --set warp_size=32");

  /** What the documents leave to the reader. */
  private static final Map<String, String> TO_FILL_IN =
      Map.of(
          "...", "--data VOCdevkit/VOC2012 --model fasterrcnn_resnet50_fpn --out runs/rest",
          "BCCD", "bccd",
          "DIR", "runs/dir");

  /** In snippets: less to train, and a folder that is not the run of a command. */
  private static final Map<String, String> IN_SNIPPETS =
      Map.of(
          "withEpochs(10)", "withEpochs(1)",
          "config, Path.of(\"runs/voc\")", "config, Path.of(\"runs/snippet\")");

  /** Programs beside cocoli that a block of shell may start, and why this test does not. */
  private static final Map<String, String> OTHER_PROGRAMS =
      Map.ofEntries(
          Map.entry("mvn", "this test is part of such a build"),
          Map.entry(".ci/run", "this test is part of it"),
          Map.entry("jshell", "run below, with the session of its document"),
          Map.entry("curl", "needs a network, and downloads hundreds of megabytes"),
          Map.entry("export", "a variable for what follows"),
          Map.entry("jlink", "ModularApplicationTest does it with another program"),
          Map.entry("java", "ModularApplicationTest and ExamplesTest start such programs"),
          Map.entry("javac", "the module examples is compiled with this one"),
          Map.entry("$JAVA_HOME/bin/java", "ModularApplicationTest does it with another program"),
          Map.entry("runtime/bin/java", "ModularApplicationTest does it with another program"),
          Map.entry("runtime/bin/street", "ModularApplicationTest does it with another program"),
          Map.entry("unzip", "CI unpacks the jar into the archive that it tries"),
          Map.entry("tar", "CI unpacks the archive that it tries"),
          Map.entry("benchmarks/run", "measures for minutes; its tests are in benchmarks"),
          Map.entry("benchmarks/compare", "needs torch, and measures for minutes"),
          Map.entry("benchmarks/roofline", "the tests of benchmarks run it"),
          Map.entry("cocoli/bin/compare", "needs a GPU and torch"),
          Map.entry("compute-sanitizer", "needs a GPU"),
          Map.entry("torchrun", "needs several GPUs"),
          Map.entry("srun", "needs several GPUs"),
          Map.entry("mpirun", "needs several GPUs"));

  @TempDir private Path folder;

  private final Set<String> notRun = new TreeSet<>();
  private final Set<String> ofOthers = new TreeSet<>();

  @BeforeEach
  void writeFiles() throws IOException {
    new DocumentFiles(folder).write();
  }

  @Test
  void everyCommandSnippetAndSessionRuns() throws Exception {
    List<Block> blocks = Documents.blocks();
    Set<String> plan = new LinkedHashSet<>();
    for (Block block : blocks) {
      block.shellLines().forEach(line -> requireKnown(block, line));
      for (List<String> words : block.commands()) {
        String reason = reasonNotToRun(words);
        if (reason.isEmpty()) {
          plan.add("cocoli " + String.join(" ", edited(words)));
        } else {
          notRun.add(reason + ": cocoli " + String.join(" ", words));
        }
      }
    }
    int commands = plan.size();
    plan.add(writeExample(blocks));
    DocumentSnippets snippets = new DocumentSnippets(blocks, DocumentsRunTest::edited);
    snippets.compile(Files.createDirectory(folder.resolve("snippets")));
    snippets.programs().forEach(name -> plan.add("snippet " + name));

    Path list = Files.write(folder.resolve("plan.txt"), plan);
    assertEquals(0, run(program(list), ""), this::printed);
    String printed = printed();
    assertFalse(printed.lines().anyMatch(line -> line.startsWith("failed")), printed);
    assertEquals(plan.size(), printed.lines().filter(line -> line.startsWith("ok ")).count());
    assertTrue(commands >= 30, "only " + commands + " commands were found");
    int sessions = runSessions(blocks);

    notRun.forEach(line -> System.out.println("not run: " + line));
    ofOthers.forEach(line -> System.out.println("not run: " + line));
    System.out.printf(
        "proved: %d commands, %d snippets and %d session of jshell of the documents run as written,"
            + " but for the tables of DocumentsRunTest; %d commands do not run here; %d snippet"
            + " more compiles, %d is not checked%n",
        commands,
        snippets.programs().size(),
        sessions,
        notRun.size(),
        snippets.compiled() - snippets.programs().size(),
        snippets.unchecked());
  }

  // ---- commands

  private void requireKnown(Block block, String line) {
    boolean isCocoli = line.matches("(\\./|cocoli/bin/)?cocoli .*");
    String program = line.split("\\s+")[0];
    boolean isOfVariables = program.matches("\\$[A-Z]|[A-Z]=.*");
    if (!isCocoli && !isOfVariables) {
      String reason = OTHER_PROGRAMS.get(program);
      assertTrue(reason != null, block.place() + ": nobody runs " + line);
      ofOthers.add(reason + ": " + program);
    }
  }

  private static String reasonNotToRun(List<String> words) {
    if (DocumentsTest.OF_BUNDLE.contains(words.getFirst())) {
      return "of the module bundle, whose tests and CI run it";
    }
    int device = words.indexOf("--device");
    if (device > 0 && words.get(device + 1).startsWith("cuda")) {
      return "needs a GPU";
    }
    boolean isWhole =
        words.stream().allMatch(word -> TO_FILL_IN.containsKey(word) || !word.matches("[A-Z]{3,}"));
    return isWhole ? "" : "has names to fill in";
  }

  private static List<String> edited(List<String> words) {
    List<String> all = new ArrayList<>();
    for (String word : words) {
      all.addAll(List.of(TO_FILL_IN.getOrDefault(word, word).split(" ")));
    }
    all.replaceAll(word -> MODELS.getOrDefault(word, word));
    String command = all.contains("--resume") ? "resume" : all.getFirst();
    boolean isShort = command.equals("resume") && !all.contains("--epochs");
    List<String> options =
        isShort ? List.of() : Arrays.asList(OPTIONS.getOrDefault(command, "").split(" "));
    for (String option : options) {
      int at = option.startsWith("--") && !option.equals("--set") ? all.indexOf(option) : -1;
      if (at > 0) {
        all.subList(at, at + 2).clear();
      }
    }
    all.addAll(options);
    all.removeIf(String::isEmpty);
    return all;
  }

  /** Writes the COCO file that a document shows; returns a command that reads it. */
  private String writeExample(List<Block> blocks) throws IOException {
    List<Block> files = blocks.stream().filter(block -> block.language().equals("json")).toList();
    assertEquals(1, files.size());
    Files.writeString(folder.resolve("example.json"), files.getFirst().text());
    return "cocoli proposals --data example.json --out example.proposals";
  }

  private List<String> program(Path list) {
    List<String> command = new ArrayList<>(List.of(jdk("java")));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-Djava.awt.headless=true", "--enable-native-access=ALL-UNNAMED"));
    String classPath =
        String.join(
            File.pathSeparator,
            System.getProperty("java.class.path"),
            folder.toString(),
            folder.resolve("snippets").toString());
    command.addAll(List.of("-cp", absolute(classPath), DocumentsRun.class.getName()));
    command.add(list.toString());
    return command;
  }

  private static String absolute(String classPath) {
    return Stream.of(classPath.split(File.pathSeparator))
        .filter(entry -> Files.exists(Path.of(entry))) // jshell insists on it
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static String edited(String snippet) {
    String text = snippet;
    for (Map.Entry<String, String> change : IN_SNIPPETS.entrySet()) {
      text = text.replace(change.getKey(), change.getValue());
    }
    for (Map.Entry<String, String> model : MODELS.entrySet()) {
      text = text.replace('"' + model.getKey() + '"', '"' + model.getValue() + '"');
    }
    return text;
  }

  // ---- sessions of jshell, in the folder in which the demo has run

  private int runSessions(List<Block> blocks) throws Exception {
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
    return sessions.size();
  }

  /** The command that starts jshell in a document, with the class path of this test. */
  private List<String> jshell(Path document, List<Block> blocks) {
    String line =
        blocks.stream()
            .filter(block -> block.file().equals(document))
            .flatMap(block -> block.shellLines().stream())
            .filter(text -> text.startsWith("jshell "))
            .findFirst()
            .orElseThrow();
    List<String> command = new ArrayList<>(List.of(line.split(" ")));
    int classPath = command.indexOf("--class-path") + 1;
    assertEquals("cli/target/cocoli.jar", command.get(classPath));
    command.set(classPath, absolute(System.getProperty("java.class.path")));
    command.set(0, jdk("jshell"));
    command.add("-R-XX:TieredStopAtLevel=1");
    command.add("-J-XX:TieredStopAtLevel=1");
    command.add("-J-Djava.util.prefs.userRoot=" + folder);
    return command;
  }

  // ---- processes

  private static String jdk(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
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
    boolean ended = process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    process.destroyForcibly();
    assertTrue(ended, () -> command + printed());
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
