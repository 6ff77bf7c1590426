package dev.cocoli.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * A test that runs on every backend has the tag contract or slow. Without one it would only run in
 * Maven's quick execution, where there is no backend but the CPU's.
 */
class ContractTagsTest {
  private static final Pattern TAGGED =
      Pattern.compile("extends BackendContract|@Tag\\(\"(contract|slow)\"\\)");

  @Test
  void everyContractIsTagged() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      List<Path> untagged =
          files
              .filter(file -> file.toString().endsWith("Test.java"))
              .filter(file -> text(file).contains("TestBackends#"))
              .filter(file -> !TAGGED.matcher(text(file)).find())
              .toList();
      assertEquals(List.of(), untagged);
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
