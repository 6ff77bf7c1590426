package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.cli.terminal.ErrorMessages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An error is one line, and it names the file. */
class ErrorMessagesTest {
  @TempDir Path folder;

  @Test
  void linesAreJoined() {
    assertEquals("a b c", ErrorMessages.oneLine(" a \n\n  b\r\n\tc\n"));
    assertEquals("", ErrorMessages.oneLine(null));
  }

  @Test
  void missingThreadsAreNotMissingMemory() {
    String threads =
        ErrorMessages.of(
            new OutOfMemoryError(
                "unable to create native thread: possibly out of memory or process/resource limits"
                    + " reached"));
    assertTrue(threads.startsWith("the system gives this process no more threads"), threads);
    assertTrue(threads.contains("ulimit -u"), threads);
    assertFalse(threads.contains("--batch"), threads);
    assertTrue(ErrorMessages.of(new OutOfMemoryError("Java heap space")).contains("--batch"));
  }

  /** The size of the network's input does not matter where an image is decoded. */
  @Test
  void anImageThatNeedsHeapIsNoMatterOfTheBatch() {
    String words = "a.jpg: decoding 8000 x 5000 pixels needs about 375 MB of Java's heap (-Xmx)";
    assertEquals(
        "out of memory: " + words + "; COCOLI_JAVA_OPTS=-Xmx4g gives it 4 GB",
        ErrorMessages.of(new OutOfMemoryError(words)));
  }

  @Test
  void longTextsTakeNoTime() {
    String text = "a" + " ".repeat(2_000_000) + "b"; // quadratic time is hours
    assertTimeoutPreemptively(
        Duration.ofMinutes(1), () -> assertEquals(text, ErrorMessages.oneLine(text + "\n")));
  }

  @Test
  void aFileOfClassesIsNamed() throws IOException {
    Path names = Files.write(folder.resolve("names.txt"), new byte[] {(byte) 0xFF, 'a'});
    for (Object[] fault :
        new Object[][] {
          {folder, "cannot be read"},
          {folder.resolve("none.txt"), "there is no such file"},
          {names, "is no text in UTF-8"},
        }) {
      Path out = folder.resolve("out");
      String model = "fasterrcnn_tiny_fpn";
      Cli.run("train", "--data", folder, "--model", model, "--out", out, "--classes", fault[0])
          .failed(1, "--classes: " + fault[0] + ": " + fault[1]);
    }
  }
}
