package dev.cocoli.fuzz;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.train.FuzzedRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every reader of files takes or refuses whatever it is given. The properties {@code
 * cocoli.fuzz.inputs} and {@code cocoli.fuzz.seed} change how many inputs each reader gets, and
 * which; docs/reliability.md has the command for more of them.
 */
@Tag("slow")
class FuzzTest {
  private static final int INPUTS = Integer.getInteger("cocoli.fuzz.inputs", 2000);
  private static final long SEED = Long.getLong("cocoli.fuzz.seed", 1);

  @TempDir Path folder;

  @Test
  void everyReaderTakesOrRefusesAnything() throws IOException {
    try (FuzzedRun run = new FuzzedRun(folder.resolve("run"))) {
      for (FuzzedReader reader : FuzzedReaders.all(folder, run)) {
        Fuzz fuzz = new Fuzz(reader, folder, SEED);
        fuzz.run(0, INPUTS);
        System.out.println(fuzz);
      }
    }
  }

  /** The tries find what they look for. */
  @Test
  void readersThatFailAreFound() {
    byte[] seed = {1, 0, 0, 0, 9};
    found(
        seed,
        "threw java.lang.ArrayIndexOutOfBoundsException",
        (bytes, file) -> {
          if (bytes[bytes[0]] == 77) {
            throw new IOException(file + ": 77 is bad");
          }
        });
    found(
        seed,
        "did not name the file: it is bad",
        (bytes, file) -> {
          if (bytes.length != seed.length) {
            throw new IOException("it is bad");
          }
        });
    found(
        seed,
        "allocated ",
        (bytes, file) -> {
          if (bytes.length > 3 && new byte[Math.max(0, bytes[0] << 24 | bytes[3])].length == 3) {
            throw new IOException(file + ": 3 are bad");
          }
        });
  }

  private void found(byte[] seed, String words, FuzzedReader.Read read) {
    FuzzedReader reader =
        new FuzzedReader("bad", List.of(seed), Mutation.BYTES, List.of(IOException.class), read);
    AssertionError e =
        assertThrows(AssertionError.class, () -> new Fuzz(reader, folder, SEED).run(0, 10_000));
    assertTrue(e.getMessage().contains(words), e.getMessage());
  }
}
