package dev.cocoli.bundle.prove;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The libraries and GPUs of this machine, by {@code cocoli doctor} in a process of its own: a
 * driver in disorder may hang.
 *
 * @param finding whether the device can be used, with the versions of its libraries
 * @param gpus the number of GPUs
 * @param ncclProblem why NCCL cannot be used; empty if it can
 * @param ncclVersion NCCL's version, such as 2.28.9
 */
record Machine(Finding finding, int gpus, Optional<String> ncclProblem, String ncclVersion) {
  private static final String CHECK = "doctor";
  private static final int SECONDS = 60;

  static Machine examine(Request request, StageReport report)
      throws IOException, InterruptedException {
    Path file = request.folder().resolve("doctor.json");
    List<String> command =
        Launch.PLAIN.command("dev.cocoli.cli.Main", List.of("doctor", "--json", file.toString()));
    Ran ran = Ran.run(command, Map.of(), SECONDS, report, line -> {});
    if (ran.problem().isPresent()) {
      return new Machine(ran.failed(CHECK), 0, ran.problem(), "");
    }
    JsonNode json = new ObjectMapper().readTree(file.toFile());
    Optional<String> problem = request.isGpu() ? gpuProblem(json) : cpuProblem(json);
    Finding finding =
        new Finding(
            CHECK,
            problem.isPresent() ? Verdict.FAILED : Verdict.OK,
            problem.orElse(request.isGpu() ? gpu(json) : library(json.get("libraries").get(0))),
            ran.seconds());
    JsonNode nccl = nccl(json);
    return new Machine(
        finding,
        json.get("cuda").get("devices").size(),
        Optional.ofNullable(nccl.get("problem").textValue()),
        nccl.get("version").asText());
  }

  private static Optional<String> cpuProblem(JsonNode json) {
    JsonNode oneDnn = json.get("libraries").get(0);
    return oneDnn.get("usable").asBoolean()
        ? Optional.empty()
        : Optional.of(oneDnn.get("problem").asText());
  }

  private static Optional<String> gpuProblem(JsonNode json) {
    JsonNode cuda = json.get("cuda");
    if (!cuda.get("problem").isNull()) {
      return Optional.of(cuda.get("problem").asText());
    }
    return cuda.get("devices").isEmpty() ? Optional.of("there is no GPU") : Optional.empty();
  }

  private static JsonNode nccl(JsonNode json) {
    for (JsonNode library : json.get("libraries")) {
      if (library.get("name").asText().equals("NCCL")) {
        return library;
      }
    }
    throw new IllegalStateException("the doctor does not know NCCL");
  }

  private static String gpu(JsonNode json) {
    List<String> parts = new ArrayList<>();
    json.get("cuda").get("devices").forEach(one -> parts.add(one.get("name").asText()));
    parts.add("driver for CUDA " + json.get("cuda").get("driver").asText());
    for (JsonNode library : json.get("libraries")) {
      if (library.get("usable").asBoolean()) {
        parts.add(library(library));
      }
    }
    return String.join(", ", parts);
  }

  private static String library(JsonNode library) {
    JsonNode version = library.get("version");
    return library.get("name").asText() + (version.isNull() ? "" : " " + version.asText());
  }
}
