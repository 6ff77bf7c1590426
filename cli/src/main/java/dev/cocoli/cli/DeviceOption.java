package dev.cocoli.cli;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.tensor.Device;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The option {@code --device}. What is asked for is used, or it is an error; nothing else is. */
final class DeviceOption {
  private static final String AUTO = "auto";

  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = AUTO,
      description =
          "auto, or a list with one replica each: cpu, cuda, cuda:1, cuda:0,cuda:1, cuda:all,"
              + " cpu,cpu. This version computes on one cpu. Default: ${DEFAULT-VALUE}.")
  private String name;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /**
   * Returns the device, and says what {@code auto} chose.
   *
   * @param notes where that is said
   */
  Device choose(PrintWriter notes) {
    if (name.equals(AUTO)) {
      int threads = Runtime.getRuntime().availableProcessors();
      notes.printf(
          "device: cpu, %d thread%s (auto: this version computes on the cpu only)%n",
          threads, threads == 1 ? "" : "s");
      return Device.CPU;
    }
    List<Device> devices = new ArrayList<>();
    for (String one : name.split(",", -1)) {
      devices.add(parse(one.strip()));
    }
    if (devices.stream().anyMatch(device -> device.kind() == Device.Kind.CUDA)) {
      throw new CommandException("--device " + name + ": " + whyNoCuda());
    }
    if (devices.size() > 1) {
      throw new ParameterException(
          spec.commandLine(),
          "--device " + name + ": this version computes on one device, not on " + devices.size());
    }
    return devices.getFirst();
  }

  private Device parse(String one) {
    try {
      return Device.parse(one.equals("cuda:all") ? "cuda" : one);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          spec.commandLine(), "--device: " + e.getMessage() + ", auto, or a list of them", e);
    }
  }

  /** Tries to load all of CUDA, for what to say; its message names the files and the paths. */
  private static String whyNoCuda() {
    String here = "this version computes on the cpu only";
    try {
      NvidiaLibraries.load(NvidiaLibrary.values());
      return here + ", although CUDA's libraries are there";
    } catch (NativeException e) {
      return here + ", and CUDA cannot be used here anyway: " + e.getMessage();
    }
  }
}
