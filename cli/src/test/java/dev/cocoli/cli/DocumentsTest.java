package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.cli.Documents.Block;
import dev.cocoli.cli.Documents.Mentioned;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Checks that what README and docs tell their readers to type exists. */
class DocumentsTest {
  /** Commands of the module bundle, which this one does not know. */
  private static final Set<String> OF_BUNDLE = Set.of("bundle", "prove", "selftest");

  /** Scripts of the repository that a document may name. */
  private static final Pattern SCRIPT =
      Pattern.compile("(?m)(?:^|\\s)((?:benchmarks|native|\\.ci)/[\\w./-]+)");

  private static final Set<String> LANGUAGES =
      Set.of("sh", "java", "jshell", "json", "xml", "python", "dockerfile", "text");

  @Test
  void everyCommandAndOptionExists() throws IOException {
    List<String> wrong = new ArrayList<>();
    int commands = 0;
    int unchecked = 0;
    for (Block block : Documents.blocks()) {
      if (!LANGUAGES.contains(block.language())) {
        wrong.add(block.place() + ": the language of the block is one of " + LANGUAGES);
      }
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
    assertTrue(unchecked <= 2, unchecked + " blocks are marked no-run");
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
    List<String> whole = words.getLast().equals("...") ? words.subList(0, words.size() - 1) : words;
    try {
      ParseResult result = commands().parseArgs(whole.toArray(String[]::new));
      requireModel(result.subcommand());
      return "";
    } catch (ParameterException | IllegalArgumentException e) {
      return e.getMessage();
    }
  }

  private static CommandLine commands() {
    return Main.commandLine(List.of(), false, CommandHelp.Extent.SHORT_IF_MANY);
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
  void everyCommandInASentenceExists() throws IOException {
    List<String> wrong = new ArrayList<>();
    List<Mentioned> all = Documents.mentioned();
    Map<String, CommandLine> commands = commands().getSubcommands();
    for (Mentioned one : all) {
      String name = one.words().getFirst();
      CommandLine command = commands.get(name);
      if (OF_BUNDLE.contains(name) || name.equals("COMMAND")) {
        continue;
      }
      if (command == null) {
        wrong.add(one.place() + ": there is no command " + name);
        continue;
      }
      for (String word : one.words()) {
        String option = word.split("=")[0];
        boolean exists =
            command.getCommandSpec().findOption(option) != null || option.equals(CommandHelp.ALL);
        if (option.startsWith("-") && !exists) {
          wrong.add(one.place() + ": " + name + " has no " + option);
        }
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(all.size() >= 15, "only " + all.size() + " were found");
  }

  /** A reader's own build was tried as written; here its names and versions are kept true. */
  @Test
  void thePomOfAReaderNamesThisVersion() throws Exception {
    Document root = xml(Files.readString(Path.of("../pom.xml")));
    List<Block> poms =
        Documents.blocks().stream().filter(block -> block.language().equals("xml")).toList();
    assertFalse(poms.isEmpty());
    for (Block pom : poms) {
      Document own = xml(pom.text());
      assertEquals(
          text(root, "/project/version"),
          text(own, "//dependency[groupId='dev.cocoli']/version"),
          pom.place());
      String artifact = text(own, "//dependency[groupId='dev.cocoli']/artifactId");
      String module = artifact.replaceFirst("cocoli-", "");
      assertTrue(text(root, "/project/modules").contains(module), artifact);
      String compiler = "//plugin[artifactId='maven-compiler-plugin']/version";
      assertEquals(text(root, compiler), text(own, compiler), pom.place());
      String release = text(root, "/project/properties/java.release");
      assertEquals(release, text(own, "//maven.compiler.release"), pom.place());
    }
  }

  private static Document xml(String text) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(text)));
  }

  private static String text(Document document, String path) throws Exception {
    XPath xpath = XPathFactory.newInstance().newXPath();
    return xpath.evaluate(path, document).strip();
  }
}
