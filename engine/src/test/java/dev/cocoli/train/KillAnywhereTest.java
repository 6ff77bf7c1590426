package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.nn.Safetensors;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run that is killed by SIGKILL at any call that changes its folder, goes on, and is killed again
 * ends with the bits of a run that nobody disturbs. The property {@code cocoli.kills} is the number
 * of kills, {@code cocoli.kill.seed} chooses them; docs/reliability.md has the command for more.
 */
@Tag("slow")
class KillAnywhereTest {
  private static final int KILLS = Integer.getInteger("cocoli.kills", 2);
  private static final long SEED = Long.getLong("cocoli.kill.seed", 1);

  /** After so many kills a run is left alone, so that it ends. */
  private static final int KILLS_PER_RUN = 6;

  private static final List<String> KINDS = List.of("open", "write", "sync", "rename");

  /** Only a run that goes on removes what was left, and lines after its checkpoint. */
  private static final List<String> KINDS_AFTER_A_KILL =
      List.of("open", "write", "sync", "rename", "truncate", "unlink");

  private static final int SIGKILLED = 128 + 9;
  private static final int TIMEOUT_SECONDS = 300;

  @TempDir Path folder;
  private Path library;

  @Test
  void aRunEndsWithTheSameBits() throws Exception {
    library = compiled();
    Random random = new Random(SEED);
    Path whole = folder.resolve("whole");
    Path log = folder.resolve("log");
    assertEquals(0, run(whole, Map.of("COCOLI_KILL_LOG", log.toString())));
    Map<String, Long> calls =
        Files.readAllLines(log).stream()
            .collect(
                Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting()));
    assertTrue(calls.keySet().containsAll(KINDS), calls::toString);
    FinishedRun expected = FinishedRun.read(whole.resolve("run"));
    Map<String, Integer> done = new TreeMap<>();
    int kills = 0;
    for (int number = 0; kills < KILLS; number++) {
      Path killed = folder.resolve("killed" + number);
      int status = SIGKILLED;
      for (int i = 0; i < KILLS_PER_RUN && kills < KILLS && status == SIGKILLED; i++) {
        List<String> kinds = i == 0 ? KINDS : KINDS_AFTER_A_KILL;
        String kind = kinds.get(random.nextInt(kinds.size()));
        String when = List.of("before", "half", "after").get(random.nextInt(3));
        int at = 1 + random.nextInt(Math.toIntExact(calls.getOrDefault(kind, 1L)));
        status =
            run(
                killed,
                Map.of(
                    "COCOLI_KILL_KIND", kind,
                    "COCOLI_KILL_AT", Integer.toString(at),
                    "COCOLI_KILL_WHEN", when));
        String what = "killed %s %s %d of run %d".formatted(when, kind, at, number);
        if (status == SIGKILLED) {
          kills++;
          done.merge(kind, 1, Integer::sum);
          assertWhole(killed.resolve("run"), what);
        } else {
          assertEquals(0, status, what);
        }
      }
      if (status == SIGKILLED) {
        assertEquals(0, run(killed, Map.of()), "run " + number + " does not end");
      }
      expected.assertSame(FinishedRun.read(killed.resolve("run")));
      assertEquals(List.of(), temporary(killed.resolve("run")));
    }
    System.out.println(kills + " kills: " + done + " of the calls " + calls);
  }

  /** What is there under its own name is whole. */
  private static void assertWhole(Path run, String what) throws IOException {
    for (String name : List.of("state", "last", "best")) {
      Path file = run.resolve(name + ".safetensors");
      if (Files.exists(file)) {
        try (Safetensors opened = Safetensors.open(file)) {
          opened.requireIntact();
        } catch (IOException e) {
          throw new AssertionError(what, e);
        }
      }
    }
  }

  private static List<Path> temporary(Path run) throws IOException {
    try (Stream<Path> files = Files.list(run)) {
      return files.filter(file -> file.toString().endsWith(".tmp")).toList();
    }
  }

  private int run(Path run, Map<String, String> kill) throws Exception {
    Path output = folder.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-Dcocoli.threads=1",
                "-cp",
                System.getProperty("java.class.path"),
                KilledRun.class.getName(),
                run.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    Map<String, String> environment = builder.environment();
    environment.put("LD_PRELOAD", library.toString());
    environment.put("COCOLI_KILL_FOLDER", run.resolve("run") + "/");
    environment.putAll(kill);
    Process process = builder.start();
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), "it does not end");
    int status = process.exitValue();
    assertTrue(status == 0 || status == SIGKILLED, Files.readString(output));
    return status;
  }

  private Path compiled() throws Exception {
    Path source = folder.resolve("kill.c");
    try (InputStream in = KillAnywhereTest.class.getResourceAsStream("kill.c")) {
      Files.write(source, in.readAllBytes());
    }
    Path compiled = folder.resolve("kill.so");
    String reason = "this takes a C compiler (cc) and Linux";
    if (Files.isDirectory(Path.of("/proc/self/fd"))) {
      try {
        Process process =
            new ProcessBuilder(
                    "cc", "-shared", "-fPIC", "-o", compiled.toString(), source.toString(), "-ldl")
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        return compiled;
      } catch (IOException e) {
        reason += ": " + e.getMessage();
      }
    }
    System.out.println("skipped: " + reason);
    return Assumptions.abort(reason);
  }
}
