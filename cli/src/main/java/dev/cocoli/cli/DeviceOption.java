package dev.cocoli.cli;

import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
              + " cpu,cpu. auto is the first GPU, else the cpu. This version computes on one"
              + " device. Default: ${DEFAULT-VALUE}.")
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
      return automatic(notes);
    }
    List<Device> devices = new ArrayList<>();
    for (String one : name.split(",", -1)) {
      devices.add(parse(one.strip()));
    }
    for (Device device : devices) {
      Backends.problem(device)
          .ifPresent(
              problem -> {
                throw new CommandException("--device " + name + ": " + device + ": " + problem);
              });
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

  /** The first GPU if it can be used. It is not an error if it cannot: that was not asked for. */
  private static Device automatic(PrintWriter notes) {
    Device gpu = new Device(Device.Kind.CUDA, 0);
    Optional<String> problem = Backends.problem(gpu);
    if (problem.isEmpty()) {
      notes.printf("device: %s (auto)%n", gpu);
      return gpu;
    }
    int threads = Runtime.getRuntime().availableProcessors();
    notes.printf(
        "device: cpu, %d thread%s (auto: no GPU can be used, cocoli doctor says why)%n",
        threads, threads == 1 ? "" : "s");
    return Device.CPU;
  }
}
