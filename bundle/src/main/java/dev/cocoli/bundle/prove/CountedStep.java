package dev.cocoli.bundle.prove;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What {@code benchmarks/roofline} counted for an H100, from the benchmarks' resources.
 *
 * @param total all launches, with the time that they need at the card's rates
 * @param kernels the same by name
 */
record CountedStep(KernelTimes.Sum total, Map<String, KernelTimes.Sum> kernels) {
  private static final String FOLDER = "/dev/cocoli/benchmarks/roofline/";
  private static final List<String> CASES =
      List.of("train-8-bf16-frozen", "train-8-bf16-batch", "detect-1-bf16", "detect-1-fp32");

  /** {@return what was counted for a piece of work, if it was} */
  static Optional<CountedStep> of(Workload work) throws IOException {
    for (String one : CASES) {
      try (InputStream in = CountedStep.class.getResourceAsStream(FOLDER + one + ".json")) {
        if (in != null) {
          JsonNode json = new ObjectMapper().readTree(in);
          if (fits(json, work)) {
            return Optional.of(read(json));
          }
        }
      }
    }
    return Optional.empty();
  }

  private static boolean fits(JsonNode json, Workload work) {
    return json.get("model").asText().equals(work.model())
        && json.get("task").asText().equalsIgnoreCase(work.task().name())
        && json.get("size").asText().equals(work.size().toString())
        && json.get("batch").asInt() == work.batch()
        && json.get("precision").asText().equalsIgnoreCase(work.number().name())
        && json.get("norm").asText().equalsIgnoreCase(work.norm().name());
  }

  static CountedStep read(JsonNode json) {
    Map<String, KernelTimes.Sum> kernels = new TreeMap<>();
    json.get("kernels")
        .properties()
        .forEach(kernel -> kernels.put(kernel.getKey(), sum(kernel.getValue())));
    return new CountedStep(sum(json), kernels);
  }

  private static KernelTimes.Sum sum(JsonNode json) {
    return new KernelTimes.Sum(json.get("milliseconds").asDouble(), json.get("launches").asLong());
  }
}
