package dev.cocoli.cli;

import dev.cocoli.bindings.Doctor;
import dev.cocoli.bindings.DoctorReport;
import dev.cocoli.cli.options.OutputPaths;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Prints the libraries and devices of this machine, and how to get what is missing. */
@Command(
    name = "doctor",
    description = "Prints which devices can be used, and what the others lack.")
final class DoctorCommand implements Callable<Integer> {
  @Option(
      names = "--verbose",
      description =
          "Print each native library as well, with its version, the paths that were tried and how"
              + " to get it.")
  private boolean verbose;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the whole report to a file as well. Default: no file.")
  private Path json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (json != null) {
      OutputPaths.requireWritableFile(json, List.of());
      OutputPaths.createFolderOf(json);
    }
    DoctorReport report = Doctor.examine();
    PrintWriter out = OutputPaths.notes(spec.commandLine(), Stream.ofNullable(json));
    DoctorText.summary(report, out);
    if (verbose) {
      DoctorText.details(report, out);
    } else {
      out.println("cocoli doctor --verbose lists every library and where it was looked for.");
    }
    if (json != null) {
      DoctorJson.write(report, json);
    }
    return 0;
  }
}
