package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.cli.Documents.Block;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** The snippets of Java in the documents: each becomes a class of its own. */
final class DocumentSnippets {
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
          "dev.cocoli.eval.*",
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
      """
      byte[] bytes;
      InputStream stream;
      BufferedImage buffered;
      Path path = Path.of("best.safetensors");
      {
        try {
          bytes = Files.readAllBytes(Path.of("street.jpg"));
          stream = new ByteArrayInputStream(bytes);
          buffered = ImageIO.read(new File("street.jpg"));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
      """;

  private final List<JavaFileObject> sources = new ArrayList<>();
  private final List<String> programs = new ArrayList<>();
  private int unchecked;

  /**
   * Makes a compilation unit of each snippet: statements, methods, or classes.
   *
   * @param blocks the blocks of all documents
   * @param edit changes the text of a snippet
   */
  DocumentSnippets(List<Block> blocks, UnaryOperator<String> edit) {
    for (Block block : blocks) {
      if (block.language().equals("java") && block.isMarked("no-compile")) {
        unchecked++;
      } else if (block.language().equals("java")) {
        add(block, edit.apply(block.text()));
      }
    }
  }

  private void add(Block block, String text) {
    StringBuilder imports = new StringBuilder();
    IMPORTS.forEach(name -> imports.append("import ").append(name).append(";\n"));
    StringBuilder body = new StringBuilder();
    text.lines()
        .forEach(line -> (line.startsWith("import ") ? imports : body).append(line).append("\n"));
    String name = block.place().replaceAll("\\W", "_");
    String type = "(public |final |abstract )*(class|record|interface|enum) .*";
    String method = "(public |private |static )+[\\w<>\\[\\]]+ \\w+\\(.*";
    boolean isType = text.lines().anyMatch(line -> line.matches(type));
    boolean isMethod = text.lines().anyMatch(line -> line.matches(method));
    String members = body.toString().replace("public class", "class");
    if (!isType && !isMethod) {
      members = FIELDS + "public void run() throws Exception {\n" + body + "}\n";
      programs.add(name);
    }
    String unit = imports + "public class " + name + " {\n" + members + "}\n";
    sources.add(
        new SimpleJavaFileObject(
            URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return unit;
          }
        });
  }

  /** Compiles all into a folder; fails with the compiler's errors. */
  void compile(Path folder) {
    assertTrue(sources.size() >= 10, "only " + sources.size() + " snippets were found");
    StringWriter errors = new StringWriter();
    String classPath = System.getProperty("java.class.path");
    List<String> options = List.of("-proc:none", "-d", folder.toString(), "-cp", classPath);
    boolean compiled =
        ToolProvider.getSystemJavaCompiler()
            .getTask(errors, null, null, options, null, sources)
            .call();
    assertTrue(compiled, errors.toString());
  }

  /** Returns the names of the classes that a method {@code run} makes programs. */
  List<String> programs() {
    return programs;
  }

  int compiled() {
    return sources.size();
  }

  int unchecked() {
    return unchecked;
  }
}
