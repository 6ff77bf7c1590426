package dev.cocoli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log is read however it ends, and no file is read without end. */
class TrainingLogTest {
  private static final int INPUTS = Integer.getInteger("cocoli.fuzz.inputs", 2000);
  private static final String LOG =
      """
      {"step":1,"loss_classifier":0.5,"loss":0.75,"lr":0.02,"seconds":0.1,"data_wait_seconds":0.0}
      {"step":2,"loss_classifier":0.25,"loss":0.5,"lr":0.02,"seconds":0.1,"data_wait_seconds":0.0}
      {"epoch":1,"step":2,"AP":0.5,"AP50":0.75,"AP75":-1.0}
      """;

  @TempDir private Path folder;

  private TrainingLog read(String text) throws IOException {
    return TrainingLog.read(Files.writeString(folder.resolve("metrics.jsonl"), text));
  }

  private void refused(String words, String text) {
    String message = assertThrows(IOException.class, () -> read(text)).getMessage();
    assertTrue(message.contains("metrics.jsonl" + words), message);
  }

  @Test
  void aLastLineThatWasCutIsLeftOut() throws IOException {
    assertEquals(2, read(LOG).steps().size());
    assertEquals(1, read(LOG).evaluations().size());
    for (String end : new String[] {"{\"step\":3,\"lo", "{\"step\":3\n"}) {
      assertEquals(read(LOG), read(LOG + end));
    }
    refused(": line 4 is not JSON", LOG + "{\"step\":3\n{\"step\":4}\n");
  }

  @Test
  void nothingIsReadWithoutEnd() throws IOException {
    refused(": line 4 is too long", LOG + " ".repeat(2_000_000));
    Path link = Files.createSymbolicLink(folder.resolve("endless"), Path.of("/dev/zero"));
    String message = assertThrows(IOException.class, () -> TrainingLog.read(link)).getMessage();
    Files.delete(link); // JUnit warns about links that lead elsewhere
    assertEquals(link + " is no regular file", message);
  }

  @Test
  @Tag("slow")
  void changedLogsAreReadOrRefused() throws IOException {
    byte[] whole = LOG.getBytes(StandardCharsets.UTF_8);
    Path file = folder.resolve("metrics.jsonl");
    Random random = new Random(1);
    for (int i = 0; i < INPUTS; i++) {
      byte[] changed = random.nextInt(4) == 0 ? Arrays.copyOf(whole, random.nextInt(300)) : whole;
      changed = changed.clone();
      for (int change = random.nextInt(4); change >= 0 && changed.length > 0; change--) {
        int at = random.nextInt(changed.length);
        changed[at] =
            random.nextBoolean()
                ? (byte) random.nextInt(256)
                : (byte) "0123456789eE-+.{}[],:\"\\\n".charAt(random.nextInt(24));
      }
      try {
        TrainingLog.read(Files.write(file, changed));
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("metrics.jsonl"), e.getMessage());
      }
    }
  }
}
