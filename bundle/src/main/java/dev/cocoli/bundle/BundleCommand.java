package dev.cocoli.bundle;

import dev.cocoli.files.Folder;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Creates the archive: a Java runtime, our jars, launchers. */
@Command(
    name = "bundle",
    description =
        "Makes an archive that runs on a Linux server without a JDK: a Java runtime, the command"
            + " line, and the native libraries, unpacked, so that neither a home nor a cache is"
            + " needed. There: tar -xzf FILE, then cocoli/bin/cocoli.")
final class BundleCommand implements Callable<Integer> {
  private static final String FOLDER = "cocoli";

  @Option(
      names = "--out",
      paramLabel = "FILE",
      defaultValue = "cocoli-bundle.tar.gz",
      description = "The archive. Default: ${DEFAULT-VALUE}.")
  private Path archive;

  @Option(
      names = "--with-selftest",
      description =
          "Add the tests, the benchmarks and bin/prove, which proves that a device computes what"
              + " it should. Default: only with --without-onednn.")
  private Boolean withSelftest;

  @Option(
      names = "--without-onednn",
      description =
          "Leave the CPU's library out, 27 MB: to prove a server with GPUs, which implies"
              + " --with-selftest (--with-selftest=false takes it back).")
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
      boolean selftest = withSelftest == null ? withoutOneDnn : withSelftest;
      BundleFiles files = new BundleFiles(program, root);
      files.copyJars(selftest);
      files.copyLicences();
      if (!withoutOneDnn) {
        files.unpackNatives();
      }
      JavaRuntime.link(root.resolve("runtime"));
      files.copyLaunchers(selftest);
      Path made = work.resolve("bundle.tar.gz");
      pack(work, made);
      Files.move(made, target, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Folder.delete(work);
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
}
