package dev.cocoli.cli.options;

import dev.cocoli.backend.Backends;
import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.cli.terminal.TypedCommand;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.structures.Count;
import dev.cocoli.tensor.Device;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The option {@code --device}. It is an error if the chosen device cannot be used; no other device
 * is used in its place.
 */
public final class DeviceOption {
  private static final String AUTO = "auto";
  private static final String CUDA = "cuda";
  private static final String ALL = ":all";

  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = AUTO,
      description =
          "cpu, cuda, cuda:1 or auto. auto is the first GPU, else the cpu. Training takes several,"
              + " one replica each: cuda:all, or a list such as cpu,cpu. Default:"
              + " ${DEFAULT-VALUE}.")
  private String name;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /**
   * Returns the chosen device, and prints what {@code auto} chose.
   *
   * @param notes where that is printed
   */
  public Device choose(PrintWriter notes) {
    List<Device> devices = chooseAll(notes, Optional.empty());
    if (devices.size() > 1) {
      throw usage("this command computes on one device, not on " + devices.size(), null);
    }
    return devices.getFirst();
  }

  /**
   * Returns the devices, one replica each, and prints what {@code auto} chose. If a launcher has
   * started several processes, {@code cuda} is the GPU with this process's local rank on its host.
   *
   * @param notes where that is printed
   * @param processes the rank of this process, if there are several
   */
  public List<Device> chooseAll(PrintWriter notes, Optional<RankEnvironment> processes) {
    if (processes.isPresent() && (name.equals(AUTO) || name.startsWith("cpu"))) {
      throw usage(
          "the environment says that this is one of "
              + processes.get().size()
              + " processes (rank "
              + processes.get().rank()
              + "); NCCL connects them, so they compute on cuda. Replicas on the processor are"
              + " listed in one process: --device cpu,cpu",
          null);
    }
    if (name.equals(AUTO)) {
      return List.of(automatic(notes));
    }
    List<String> names = Stream.of(name.split(",", -1)).map(String::strip).toList();
    List<Device> parsed = names.stream().map(one -> parse(isAll(one) ? kindOf(one) : one)).toList();
    if (parsed.stream().map(Device::kind).distinct().count() > 1) {
      throw usage("replicas compute on one sort of device", null);
    }
    requireUsable(new Device(parsed.getFirst().kind(), 0)); // before the devices are counted
    List<Device> devices = new ArrayList<>();
    for (int i = 0; i < parsed.size(); i++) {
      if (isAll(names.get(i))) {
        devices.addAll(Backends.devices(parsed.get(i).kind()));
      } else if (names.get(i).equals(CUDA) && processes.isPresent()) {
        devices.add(new Device(Device.Kind.CUDA, processes.get().localRank()));
      } else {
        devices.add(parsed.get(i));
      }
    }
    devices.forEach(this::requireUsable);
    return List.copyOf(devices);
  }

  private static boolean isAll(String name) {
    return name.endsWith(ALL);
  }

  private static String kindOf(String name) {
    return name.substring(0, name.length() - ALL.length());
  }

  private void requireUsable(Device device) {
    Backends.problem(device)
        .ifPresent(
            problem -> {
              throw new CommandException("--device " + name + ": " + device + ": " + problem);
            });
  }

  /**
   * Returns the first GPU if it can be used, otherwise the CPU. An unusable GPU is no error here,
   * because none was asked for.
   */
  private static Device automatic(PrintWriter notes) {
    Device gpu = new Device(Device.Kind.CUDA, 0);
    Optional<String> problem = Backends.problem(gpu);
    if (problem.isEmpty()) {
      notes.printf("device: %s (auto)%n", gpu);
      return gpu;
    }
    notes.printf(
        "device: cpu, %s (auto: no GPU can be used, %s doctor says why)%n",
        new Count(Runtime.getRuntime().availableProcessors(), "thread"), TypedCommand.name());
    return Device.CPU;
  }

  private Device parse(String one) {
    try {
      return Backends.device(one);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          spec.commandLine(), "--device: " + e.getMessage() + ", auto, or a list of them", e);
    }
  }

  private ParameterException usage(String text, Exception cause) {
    return new ParameterException(spec.commandLine(), "--device " + name + ": " + text, cause);
  }
}
