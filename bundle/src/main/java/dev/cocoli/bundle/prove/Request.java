package dev.cocoli.bundle.prove;

import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.tensor.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the command line asks for.
 *
 * @param device the device
 * @param model the model that is timed
 * @param size the size of its images, which it does not resize
 * @param batches images per batch, sorted
 * @param effort how often what is timed runs
 * @param only parts of the names of the checks that run; empty for all
 * @param python the interpreter that the user named
 * @param folder where logs and results are left
 */
record Request(
    Device device,
    String model,
    ImageSize size,
    List<Integer> batches,
    Workload.Effort effort,
    List<String> only,
    Optional<Path> python,
    Path folder) {

  boolean isGpu() {
    return device.kind() == Device.Kind.CUDA;
  }

  /** Whether a check runs. */
  boolean wants(String check) {
    String name = check.toLowerCase(Locale.ROOT);
    return only.isEmpty()
        || only.stream().anyMatch(part -> name.contains(part.toLowerCase(Locale.ROOT)));
  }
}
