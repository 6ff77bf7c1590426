package dev.cocoli.cli;

import dev.cocoli.bindings.Doctor;
import dev.cocoli.bindings.DoctorReport;
import dev.cocoli.cli.options.OutputPaths;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Prints the libraries and devices of this machine, and how to get what is missing. */
@Command(
    name = "doctor",
    description =
        "Prints devices, native libraries, their versions, the paths that were tried, what is"
            + " missing and how to get it.")
final class DoctorCommand implements Callable<Integer> {
  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the report to a file as well.")
  private Path json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (json != null) {
      OutputPaths.requireWritableFile(json, List.of());
      OutputPaths.createFolderOf(json);
    }
    DoctorReport report = Doctor.examine();
    DoctorText.print(report, spec.commandLine().getOut());
    if (json != null) {
      DoctorJson.write(report, json);
    }
    return 0;
  }
}
