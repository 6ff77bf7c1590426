package dev.cocoli.bundle;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Creates the archive: a Java runtime, our jars, launchers. */
@Command(
    name = "bundle",
    description =
        "Makes an archive that runs on a Linux server without a JDK: a Java runtime, all of Cocoli,"
            + " and the self-test. There: tar -xzf FILE, then cocoli/bin/cocoli.")
final class BundleCommand implements Callable<Integer> {
  private static final String FOLDER = "cocoli";

  @Option(
      names = "--out",
      paramLabel = "FILE",
      defaultValue = "cocoli-bundle.tar.gz",
      description = "The archive. Default: ${DEFAULT-VALUE}.")
  private Path archive;

  @Option(
      names = "--without-onednn",
      description = "Leave the CPU's library out, 27 MB: for a server with GPUs.")
  private boolean withoutOneDnn;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    Path target = archive.toAbsolutePath();
    if (!Files.isDirectory(target.getParent())) {
      throw new ParameterException(
          spec.commandLine(), "--out: there is no folder " + target.getParent());
    }
    Path program = program();
    Path work = Files.createTempDirectory(target.getParent(), ".cocoli-bundle");
    try {
      Path root = Files.createDirectory(work.resolve(FOLDER));
      copyJars(program, root);
      JavaRuntime.link(root.resolve("runtime"));
      launchers(root);
      Path made = work.resolve("bundle.tar.gz");
      pack(work, made);
      Files.move(made, target, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      delete(work);
    }
    out.printf("%s: %,d bytes%n", archive, Files.size(target));
    return 0;
  }

  /** The jar of this class, beside which its libraries lie. */
  private static Path program() throws IOException {
    try {
      Path jar =
          Path.of(BundleCommand.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (!Files.isRegularFile(jar)) {
        throw new IOException("a bundle is made of jars, not of " + jar);
      }
      return jar;
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private void copyJars(Path program, Path root) throws IOException {
    Path lib = Files.createDirectories(root.resolve("lib"));
    Files.copy(program, root.resolve("cocoli.jar"));
    try (Stream<Path> found = Files.list(program.resolveSibling("lib"))) {
      for (Path jar : found.toList()) {
        if (!withoutOneDnn || !jar.getFileName().toString().startsWith("dnnl-")) {
          Files.copy(jar, lib.resolve(jar.getFileName()));
        }
      }
    }
  }

  private static void launchers(Path root) throws IOException {
    Path bin = Files.createDirectories(root.resolve("bin"));
    for (String name : List.of("cocoli", "compare")) {
      try (InputStream script = BundleCommand.class.getResourceAsStream("bin/" + name)) {
        Files.copy(script, bin.resolve(name));
      }
      Files.setPosixFilePermissions(
          bin.resolve(name), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    // the place where benchmarks/compare looks for it
    Path python = Files.createDirectories(root.resolve("benchmarks/src/main/python"));
    try (InputStream peers = BundleCommand.class.getResourceAsStream("python/peers.py")) {
      Files.copy(peers, python.resolve("peers.py"));
    }
  }

  private static void pack(Path work, Path archive) throws IOException {
    Process tar =
        new ProcessBuilder(
                "tar",
                "--sort=name",
                "--owner=0",
                "--group=0",
                "--numeric-owner",
                "-czf",
                archive.toString(),
                "-C",
                work.toString(),
                FOLDER)
            .redirectErrorStream(true)
            .start();
    String said = new String(tar.getInputStream().readAllBytes());
    try {
      if (tar.waitFor() != 0) {
        throw new IOException("tar did not pack the bundle: " + said.strip());
      }
    } catch (InterruptedException e) {
      tar.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> found = Files.walk(folder)) {
      for (Path path : found.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
