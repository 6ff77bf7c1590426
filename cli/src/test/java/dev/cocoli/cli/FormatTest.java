package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every Java file that is written by hand looks as google-java-format prints it. */
@Tag("slow")
class FormatTest {
  /** {@code mvn ... -Dcocoli.format=write} formats the files instead of complaining. */
  private static final boolean WRITE = "write".equals(System.getProperty("cocoli.format"));

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  @Test
  void everyFileIsFormatted() throws IOException {
    List<String> arguments = new ArrayList<>(List.of(WRITE ? "--replace" : "--dry-run"));
    List<String> files = handWrittenFiles();
    assertFalse(files.isEmpty(), "found no Java files below " + ROOT);
    arguments.addAll(files);
    StringWriter changed = new StringWriter();
    StringWriter errors = new StringWriter();
    ToolProvider.findFirst("google-java-format")
        .orElseThrow()
        .run(new PrintWriter(changed), new PrintWriter(errors), arguments.toArray(String[]::new));
    assertEquals("", errors.toString(), "google-java-format failed");
    assertEquals(
        List.of(),
        changed.toString().lines().map(file -> ROOT.relativize(Path.of(file)).toString()).toList(),
        """
        these files are not formatted; this formats them:
        mvn -q -pl cli -am test -Dcocoli.format=write -Dtest=FormatTest \
            -Dsurefire.failIfNoSpecifiedTests=false
        """);
  }

  private static List<String> handWrittenFiles() throws IOException {
    List<String> files = new ArrayList<>();
    try (Stream<Path> folders = Files.list(ROOT)) {
      for (Path sources : folders.map(folder -> folder.resolve("src")).toList()) {
        for (String kind : List.of("main", "test", "opencv")) {
          Path java = sources.resolve(kind).resolve("java");
          if (Files.isDirectory(java)) {
            try (Stream<Path> below = Files.walk(java)) {
              below.map(Path::toString).filter(file -> file.endsWith(".java")).forEach(files::add);
            }
          }
        }
      }
    }
    return files;
  }
}
