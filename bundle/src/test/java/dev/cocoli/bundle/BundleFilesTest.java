package dev.cocoli.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of an archive, from a program as Maven leaves it. */
class BundleFilesTest {
  private @TempDir Path folder;
  private Path root;
  private BundleFiles files;

  @BeforeEach
  void build() throws IOException {
    Path lib = Files.createDirectories(folder.resolve("target/lib"));
    root = Files.createDirectories(folder.resolve("root"));
    Path program = folder.resolve("target/bundle.jar");
    jar(
        program,
        "lib/cocoli-cli-1.jar lib/cocoli-natives-1.jar lib/a.jar lib/junit.jar lib/javacpp.jar",
        "META-INF/LICENSE",
        "META-INF/NOTICE");
    jar(lib.resolve("cocoli-cli-1.jar"), "lib/a.jar lib/cocoli-natives-1.jar");
    jar(lib.resolve("a.jar"), "");
    jar(lib.resolve("junit.jar"), "");
    jar(
        lib.resolve("cocoli-natives-1.jar"),
        "",
        "dev/cocoli/natives/linux-x86_64/libdnnl.so.3",
        "dev/cocoli/natives/linux-x86_64/libgomp.so.1",
        "META-INF/licenses/libgomp/COPYING3");
    files = new BundleFiles(program, root);
  }

  @Test
  void oneForUseHasTheCommandLineAndWhatItNeeds() throws IOException {
    files.copyJars(false);
    files.copyLicences();
    files.unpackNatives();
    files.copyLaunchers(false);
    assertEquals(
        List.of(
            "LICENSE",
            "NOTICE",
            "README",
            "bin/cocoli",
            "cocoli.jar",
            "lib/a.jar",
            "lib/native/libdnnl.so.3",
            "lib/native/libgomp.so.1",
            "licenses/libgomp/COPYING3"),
        copied());
    assertEquals(
        "dev/cocoli/natives/linux-x86_64/libgomp.so.1",
        Files.readString(root.resolve("lib/native/libgomp.so.1")));
    assertTrue(Files.isExecutable(root.resolve("bin/cocoli")));
  }

  @Test
  void oneForProofHasTheTestsAsWell() throws IOException {
    files.copyJars(true);
    assertEquals(
        List.of("cocoli.jar", "lib/a.jar", "lib/cocoli-cli-1.jar", "lib/junit.jar"), copied());
  }

  @Test
  void oneForProofHasItsPrograms() throws IOException {
    String reason = "Maven adds the peers' script";
    if (BundleFiles.class.getResource("python/peers.py") == null) {
      assertFalse(System.getProperties().containsKey("surefire.test.class.path"), reason);
      abort(reason);
    }
    files.copyLaunchers(true);
    assertEquals(
        List.of("benchmarks/src/main/python/peers.py", "bin/cocoli", "bin/compare", "bin/prove"),
        copied());
    assertTrue(Files.isExecutable(root.resolve("bin/prove")));
  }

  private List<String> copied() throws IOException {
    try (Stream<Path> all = Files.walk(root)) {
      return all.filter(Files::isRegularFile)
          .map(path -> root.relativize(path).toString())
          .sorted()
          .toList();
    }
  }

  /** A jar whose entries contain their own names. */
  private static void jar(Path file, String classPath, String... names) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, classPath);
    try (OutputStream out = Files.newOutputStream(file);
        JarOutputStream jar = new JarOutputStream(out, manifest)) {
      for (String name : names) {
        jar.putNextEntry(new JarEntry(name));
        jar.write(name.getBytes(StandardCharsets.UTF_8));
        jar.closeEntry();
      }
    }
  }
}
