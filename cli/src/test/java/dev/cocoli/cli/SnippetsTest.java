package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Java in README and docs compiles. A snippet is the body of a method of a class with a few
 * fields, in a file that imports all that the library exports, or a whole static method; a module
 * declaration is left out.
 */
@Tag("slow")
class SnippetsTest {
  private static final Pattern SNIPPET = Pattern.compile("(?ms)^```java\\n(.*?)^```$");

  /** What a snippet may use without declaring it: fields, which its own variables hide. */
  private static final String FIELDS =
      "byte[] bytes; InputStream stream; BufferedImage buffered; Path path; Dataset data;";

  private static final Path ROOT = Path.of("..");

  @TempDir private Path folder;

  @Test
  void snippetsCompile() throws IOException {
    StringBuilder imports = new StringBuilder();
    for (String name : List.of("java.awt.image", "java.io", "java.nio.file", "java.util")) {
      imports.append("import ").append(name).append(".*;\n");
    }
    for (String module : List.of("bindings", "engine", "report")) {
      String text =
          Files.readString(ROOT.resolve(module).resolve("src/main/java/module-info.java"));
      Matcher exported = Pattern.compile("exports ([\\w.]+);").matcher(text);
      while (exported.find()) {
        imports.append("import ").append(exported.group(1)).append(".*;\n");
      }
    }
    List<Path> sources = new ArrayList<>();
    for (Path document : documents()) {
      Matcher found = SNIPPET.matcher(Files.readString(document));
      for (int number = 1; found.find(); number++) {
        if (!found.group(1).startsWith("module ")) {
          String name = document.getFileName().toString().replaceAll("\\W", "_") + number;
          Path source = folder.resolve(name + ".java");
          boolean isMethod = found.group(1).startsWith("static ");
          Files.writeString(
              source,
              isMethod
                  ? "%sclass %s {\n%s}\n".formatted(imports, name, found.group(1))
                  : "%sclass %s {\n%s\nvoid run() throws Exception {\n%s}\n}\n"
                      .formatted(imports, name, FIELDS, found.group(1)));
          sources.add(source);
        }
      }
    }
    assertTrue(sources.size() >= 2, sources.toString());
    assertEquals(List.of(), errors(sources));
  }

  private static List<Path> documents() throws IOException {
    List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md")));
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      docs.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
    }
    return documents;
  }

  private List<String> errors(List<Path> sources) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      List<String> options =
          List.of(
              "-proc:none", "-d", folder.toString(), "-cp", System.getProperty("java.class.path"));
      compiler
          .getTask(
              null, files, diagnostics, options, null, files.getJavaFileObjectsFromPaths(sources))
          .call();
    }
    return diagnostics.getDiagnostics().stream()
        .filter(diagnostic -> diagnostic.getKind() == Diagnostic.Kind.ERROR)
        .map(Diagnostic::toString)
        .toList();
  }
}
