package dev.cocoli.bundle;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.spi.ToolProvider;

/** Links a Java runtime that has only the modules that Cocoli needs, with the JDK's own tool. */
final class JavaRuntime {
  /**
   * The modules that jdeps finds in our jars and in those that they need, and two that no class
   * names: the file systems for archives, and the flight recorder, which finds what slows a server.
   * (jdeps was run on each jar alone, because some are modules whose own dependencies are left
   * out.)
   */
  static final String MODULES =
      "java.desktop,java.logging,java.management,jdk.jfr,jdk.management,jdk.unsupported,jdk.zipfs";

  private JavaRuntime() {}

  /**
   * Links a runtime.
   *
   * @param target the folder of the runtime, which must not exist
   * @throws IOException if this Java has no jlink, or it fails
   */
  static void link(Path target) throws IOException {
    ToolProvider jlink =
        ToolProvider.findFirst("jlink")
            .orElseThrow(
                () -> new IOException("a bundle is made by a JDK with jlink; this Java has none"));
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    int code =
        jlink.run(
            out,
            out,
            "--add-modules",
            MODULES,
            "--strip-debug",
            "--no-header-files",
            "--no-man-pages",
            // the archive is compressed as a whole
            "--compress=zip-0",
            "--output",
            target.toString());
    if (code != 0) {
      throw new IOException("jlink failed: " + said.toString().strip());
    }
  }
}
