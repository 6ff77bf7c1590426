package dev.cocoli.bundle.prove;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * A process whose lines are read as they come, and which ends by force, with all that it started,
 * when it is closed. If this JVM is told to end, so do they.
 */
final class Program implements AutoCloseable {
  private static final long ENDING_SECONDS = 10;
  private static final Set<Program> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Program::kill)));
  }

  private final Process process;

  /** The last one is empty. */
  private final BlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>();

  private Program(Process process) {
    this.process = process;
    RUNNING.add(this);
    Thread.ofPlatform().daemon().start(this::read);
  }

  /**
   * Starts a program without input; standard error is read as standard output is.
   *
   * @param command program and arguments
   * @param environment variables added to ours
   */
  static Program start(List<String> command, Map<String, String> environment) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    return new Program(process);
  }

  /**
   * {@return a program on the PATH, or in one of the folders of CUDA's toolkit}
   *
   * @param name its name
   */
  static Optional<Path> find(String name) {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    Stream<String> toolkit =
        Stream.of("CUDA_HOME", "CUDA_PATH")
            .flatMap(variable -> Stream.ofNullable(System.getenv(variable)))
            .map(home -> home + "/bin");
    return Stream.of(Stream.of(path.split(":")), toolkit, Stream.of("/usr/local/cuda/bin"))
        .flatMap(folders -> folders)
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, name))
        .filter(file -> Files.isExecutable(file) && !Files.isDirectory(file))
        .findFirst();
  }

  private void read() {
    try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        lines.add(Optional.of(line));
      }
    } catch (IOException e) {
      // it was ended
    }
    lines.add(Optional.empty());
  }

  /**
   * {@return the next line; empty at the end}
   *
   * @param deadline the time by {@link System#nanoTime} until which it is waited for
   * @throws TimeoutException if there is neither a line nor the end until then
   */
  Optional<String> next(long deadline) throws InterruptedException, TimeoutException {
    long wait = Math.max(0, deadline - System.nanoTime());
    Optional<String> line = lines.poll(wait, TimeUnit.NANOSECONDS);
    if (line == null) {
      throw new TimeoutException();
    }
    return line;
  }

  /** {@return its exit code, after the end of its lines; -1 if it does not end} */
  int exitCode() throws InterruptedException {
    return process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS) ? process.exitValue() : -1;
  }

  private void kill() {
    List<ProcessHandle> started = process.descendants().toList();
    process.destroyForcibly();
    started.forEach(ProcessHandle::destroyForcibly);
  }

  @Override
  public void close() {
    kill();
    RUNNING.remove(this);
    try {
      // so that the next one finds the device free; a driver may keep a dead process for long
      process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
