package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The script {@code cocoli} in a tree of its own, with programs in the places of Maven and java
 * that do next to nothing.
 */
@Tag("slow")
class LaunchScriptTest {
  private static final int TIMEOUT_SECONDS = 600;

  @TempDir private Path folder;
  private Path root;

  @BeforeEach
  void makeTree() throws IOException {
    Path sources = Path.of("..").toAbsolutePath().normalize();
    assertTrue(Files.isExecutable(sources.resolve("cocoli")), "the script cannot be started");
    root = Files.createDirectories(folder.resolve("tree"));
    Files.copy(
        sources.resolve("cocoli"),
        root.resolve("cocoli"),
        StandardCopyOption.COPY_ATTRIBUTES); // it stays executable
    for (String module : List.of("native", "bindings", "engine", "report", "cli")) {
      Files.createDirectories(root.resolve(module).resolve("src/main/sh"));
      Files.writeString(root.resolve(module).resolve("pom.xml"), "");
    }
    Files.writeString(root.resolve("pom.xml"), "");
    String launch = "cli/src/main/sh/launch.sh";
    Files.copy(sources.resolve(launch), root.resolve(launch));
    Files.createDirectories(root.resolve("target"));
    Path jdk = Files.createDirectories(folder.resolve("jdk/bin"));
    Files.writeString(folder.resolve("jdk/release"), "JAVA_VERSION=\"25\"\n");
    script(jdk, "javac", "");
    script(jdk, "java", "for word; do echo \"$word\"; done");
    script(
        Files.createDirectories(folder.resolve("bin")),
        "mvn",
        "mkdir -p cli/target/lib && : >cli/target/cocoli.jar");
  }

  private static Path script(Path folder, String name, String body) throws IOException {
    Path file = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + body + "\n");
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Process start(Path tree) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(tree.resolve("cocoli").toString(), "doctor")
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("output").toFile());
    Map<String, String> environment = builder.environment();
    environment.put("COCOLI_JAVA_HOME", folder.resolve("jdk").toString());
    environment.put("PATH", folder.resolve("bin") + ":" + environment.get("PATH"));
    return builder.start();
  }

  private String run(Path tree) throws Exception {
    Process process = start(tree);
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), "it does not end");
    String output = Files.readString(folder.resolve("output"));
    assertEquals(0, process.exitValue(), output);
    return output;
  }

  private Path lock(String owner) throws IOException {
    Path lock = Files.createDirectories(root.resolve("target/build.lock"));
    if (!owner.isEmpty()) {
      Files.writeString(lock.resolve("pid"), owner + "\n");
    }
    return lock;
  }

  @Test
  void aLockWithoutAnOwnerIsTakenAway() throws Exception {
    Path lock = lock("");
    assertTrue(run(root).contains("doctor"));
    assertFalse(Files.exists(lock));
  }

  @Test
  void aLockOfADeadOwnerIsTakenAway() throws Exception {
    Process dead = new ProcessBuilder("true").start();
    dead.waitFor();
    Path lock = lock(Long.toString(dead.pid()));
    Files.createDirectories(lock.resolve("broken")); // by one who was killed, too
    run(root);
    assertFalse(Files.exists(lock));
  }

  /** The owner's number is that of another process by now: of this one. */
  @Test
  void aLockWhoseOwnersNumberIsUsedAgainIsTakenAway() throws Exception {
    Path lock = lock(ProcessHandle.current().pid() + " 17");
    run(root);
    assertFalse(Files.exists(lock));
  }

  @Test
  void aLockOfALivingOwnerIsWaitedFor() throws Exception {
    Path lock = lock(Long.toString(ProcessHandle.current().pid()));
    Process process = start(root);
    assertFalse(process.waitFor(2, TimeUnit.SECONDS), "it does not wait");
    Files.move(lock, folder.resolve("gone")); // at once: the script takes a lock without an owner
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), "it does not end");
    assertEquals(0, process.exitValue());
  }

  /** Java complains about an archive of classes that was made in another folder. */
  @Test
  void archivesOfACopiedTreeAreMadeAnew() throws Exception {
    run(root);
    Path app =
        root.resolve("target/app")
            .resolve(Files.readString(root.resolve("target/app/current")).strip());
    Path archive = Files.writeString(app.resolve("doctor.jsa"), "");
    run(root);
    assertTrue(Files.exists(archive));
    Path copy = folder.resolve("copy");
    int status =
        new ProcessBuilder("cp", "-Rp", root.toString(), copy.toString()).start().waitFor();
    assertEquals(0, status);
    String output = run(copy);
    Path copied = copy.resolve(root.relativize(archive));
    assertTrue(output.contains("-XX:SharedArchiveFile=" + copied), output);
    assertFalse(Files.exists(copied));
  }
}
