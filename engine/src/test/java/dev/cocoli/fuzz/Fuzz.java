package dev.cocoli.fuzz;

import com.sun.management.ThreadMXBean;
import dev.cocoli.train.FuzzedRun;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Reads changed files. Input number n of a reader depends on the seed and n alone, so that a
 * failure is repeated by its number.
 *
 * <p>As a program: {@code Fuzz FOLDER SEED FROM COUNT READER...}, all readers if none is named.
 */
public final class Fuzz {
  /** The processor time that a small file may take. */
  private static final long MOST_NANOS = 5_000_000_000L;

  /** The heap that reading may allocate, beside a multiple of the file's size. */
  private static final long MOST_BYTES = 96L << 20;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final FuzzedReader reader;
  private final Path folder;
  private final long seed;
  private long accepted;
  private long refused;
  private long mostNanos;
  private long allNanos;
  private long mostAllocated;

  /**
   * Prepares.
   *
   * @param reader what reads
   * @param folder for files
   * @param seed what all inputs depend on
   */
  public Fuzz(FuzzedReader reader, Path folder, long seed) {
    this.reader = reader;
    this.folder = folder;
    this.seed = seed;
  }

  /**
   * Reads inputs.
   *
   * @param from the number of the first
   * @param count how many
   * @throws AssertionError if the reader did with one what it must not
   */
  public void run(long from, long count) throws IOException {
    Path file = folder.resolve(reader.name().replace(' ', '-') + ".input");
    for (long number = from; number < from + count; number++) {
      one(number, input(number), file);
    }
  }

  private byte[] input(long number) {
    Random random = new Random((seed * 31 + reader.name().hashCode()) * 1_000_003 + number);
    random.nextInt(); // the first numbers of neighbouring seeds are alike
    List<byte[]> seeds = reader.seeds();
    byte[] file = seeds.get(random.nextInt(seeds.size()));
    byte[] other = seeds.get(random.nextInt(seeds.size()));
    do {
      file = reader.mutation().apply(file, other, random);
    } while (random.nextInt(3) == 0);
    return file;
  }

  private void one(long number, byte[] bytes, Path file) throws IOException {
    long began = THREADS.getCurrentThreadCpuTime();
    long allocated = THREADS.getCurrentThreadAllocatedBytes();
    Throwable thrown = null;
    try {
      reader.read().read(bytes, file);
      accepted++;
    } catch (Throwable e) {
      thrown = e;
      refused++;
    }
    allocated = THREADS.getCurrentThreadAllocatedBytes() - allocated;
    long nanos = THREADS.getCurrentThreadCpuTime() - began;
    mostAllocated = Math.max(mostAllocated, allocated);
    mostNanos = Math.max(mostNanos, nanos);
    allNanos += nanos;
    String problem = null;
    Throwable problemCause = thrown;
    if (thrown != null) {
      Throwable e = thrown;
      if (reader.foreseen().stream().noneMatch(type -> type.isInstance(e))) {
        problem = "threw " + thrown;
      } else if (thrown.getMessage() == null
          || !thrown.getMessage().contains(file.getFileName().toString())) {
        problem = "did not name the file: " + thrown.getMessage();
      }
    }
    if (nanos > MOST_NANOS) {
      problem = "took " + nanos / 1_000_000 + " ms";
    } else if (allocated > MOST_BYTES + 200L * bytes.length) {
      problem = "allocated " + (allocated >> 20) + " MB for " + bytes.length + " bytes";
    }
    if (problem != null) {
      Path kept =
          Files.write(folder.resolve(reader.name().replace(' ', '-') + "-" + number), bytes);
      throw new AssertionError(
          "%s, seed %d, input %d (%s): %s".formatted(reader, seed, number, kept, problem),
          problemCause);
    }
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%-18s %,9d read, %,9d refused, at most %,5d ms and %,4d MB each, %.1f s of CPU",
        reader,
        accepted,
        refused,
        mostNanos / 1_000_000,
        mostAllocated >> 20,
        allNanos / 1e9);
  }

  /**
   * Reads many inputs and prints a line per reader.
   *
   * @param arguments see above
   */
  public static void main(String[] arguments) throws Exception {
    Path folder = Files.createDirectories(Path.of(arguments[0]));
    List<String> names = Arrays.asList(arguments).subList(4, arguments.length);
    boolean failed = false;
    for (FuzzedReader reader : FuzzedReaders.all(folder, new FuzzedRun(folder.resolve("run")))) {
      if (!names.isEmpty() && !names.contains(reader.name())) {
        continue;
      }
      Fuzz fuzz = new Fuzz(reader, folder, Long.parseLong(arguments[1]));
      try {
        fuzz.run(Long.parseLong(arguments[2]), Long.parseLong(arguments[3]));
      } catch (AssertionError e) {
        failed = true;
        e.printStackTrace();
      }
      System.out.println(fuzz);
    }
    System.exit(failed ? 1 : 0);
  }
}
