package dev.cocoli.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFileTest {
  @TempDir private Path folder;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void theFileIsTheOldOneUntilItIsWhole() throws IOException {
    Path target = Files.writeString(folder.resolve("out.json"), "old");
    try (OutputFile file = OutputFile.create(target)) {
      file.stream().write(bytes("ne"));
      assertEquals("old", Files.readString(target));
    }
    assertEquals("old", Files.readString(target));
    try (OutputFile file = OutputFile.create(target)) {
      file.stream().write(bytes("new"));
      file.commit();
    }
    assertEquals("new", Files.readString(target));
    assertEquals(List.of("out.json"), names());
  }

  @Test
  void aLinkIsReplacedAndItsTargetKept() throws IOException {
    Path theirs = Files.writeString(folder.resolve("theirs"), "theirs");
    Path link = Files.createSymbolicLink(folder.resolve("link"), theirs);
    OutputFile.write(link, bytes("ours"));
    assertEquals("theirs", Files.readString(theirs));
    assertEquals("ours", Files.readString(link));
  }

  @Test
  void errorsNameTheFile() throws IOException {
    Path noFolder = folder.resolve("none/out.json");
    IOException e = assertThrows(IOException.class, () -> OutputFile.write(noFolder, bytes("x")));
    assertEquals(noFolder + ": there is no such folder", e.getMessage());
    OutputFile.write(Path.of("/dev/null"), bytes("into a device"));
    Path longName = folder.resolve("n".repeat(255));
    OutputFile.write(longName, bytes("x"));
    assertArrayEquals(bytes("x"), Files.readAllBytes(longName));
  }

  @Test
  void leftoversOfTheFileAloneAreDeleted() throws IOException {
    for (String name :
        List.of("a.0123456789abcdef.tmp", "a.tmp", "b.0123456789abcdef.tmp", "a.note.tmp")) {
      Files.writeString(folder.resolve(name), "");
    }
    OutputFile.deleteLeftovers(folder.resolve("a"));
    assertEquals(List.of("a.note.tmp", "a.tmp", "b.0123456789abcdef.tmp"), names());
  }

  @Test
  @Tag("slow")
  void aSignalLeavesNothing() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                OutputFileTest.class.getName(),
                folder.resolve("out").toString())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader lines = process.inputReader()) {
      assertEquals("half is written", lines.readLine());
      assertEquals(1, names().size());
      process.destroy(); // SIGTERM
      assertTrue(process.waitFor(120, TimeUnit.SECONDS));
    } finally {
      process.destroyForcibly();
    }
    assertEquals(List.of(), names());
  }

  /**
   * Writes half a file and waits for a signal.
   *
   * @param arguments the file
   */
  public static void main(String[] arguments) throws Exception {
    try (OutputFile file = OutputFile.create(Path.of(arguments[0]))) {
      file.stream().write(bytes("half"));
      System.out.println("half is written");
      Thread.sleep(60_000);
    }
  }
}
