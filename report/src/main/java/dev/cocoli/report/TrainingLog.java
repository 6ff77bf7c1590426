package dev.cocoli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The steps and evaluations recorded in {@code metrics.jsonl}. A resumed run writes the steps after
 * its checkpoint again; of several lines about a step or epoch the last one counts.
 *
 * @param steps the logged steps, ascending
 * @param evaluations the evaluations, by ascending epoch
 */
public record TrainingLog(List<StepMetrics> steps, List<EvaluationMetrics> evaluations) {

  /** Copies the lists. */
  public TrainingLog {
    steps = List.copyOf(steps);
    evaluations = List.copyOf(evaluations);
  }

  /**
   * Reads a log. A last line that was cut short, for example because the process was killed, is
   * left out; lines of other kinds are skipped.
   *
   * @param file a file with one JSON object per line
   * @return the steps and evaluations
   * @throws IOException if the file cannot be read, or a line other than the last is not JSON
   */
  public static TrainingLog read(Path file) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    TreeMap<Long, StepMetrics> steps = new TreeMap<>();
    TreeMap<Double, EvaluationMetrics> evaluations = new TreeMap<>();
    List<String> lines = Files.readAllLines(file);
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).isBlank()) {
        continue;
      }
      JsonNode line;
      try {
        line = mapper.readTree(lines.get(i));
      } catch (JsonProcessingException e) {
        if (i == lines.size() - 1) {
          break;
        }
        throw new IOException(file + ": line " + (i + 1) + " is not JSON", e);
      }
      if (line.has("AP")) {
        double epoch = number(line, "epoch");
        EvaluationMetrics evaluation =
            new EvaluationMetrics(
                Double.isNaN(epoch) ? evaluations.size() + 1 : epoch,
                number(line, "AP"),
                number(line, "AP50"),
                number(line, "AP75"));
        evaluations.put(evaluation.epoch(), evaluation);
      } else if (line.has("loss")) {
        StepMetrics step =
            new StepMetrics(
                line.path("step").asLong(steps.size() + 1),
                losses(line),
                number(line, "loss"),
                number(line, "lr"),
                number(line, "seconds"),
                number(line, "data_wait_seconds"));
        steps.put(step.step(), step);
      }
    }
    return new TrainingLog(List.copyOf(steps.values()), new ArrayList<>(evaluations.values()));
  }

  private static Map<String, Double> losses(JsonNode line) {
    Map<String, Double> losses = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : line.properties()) {
      if (field.getKey().startsWith("loss_")) {
        losses.put(field.getKey(), number(line, field.getKey()));
      }
    }
    return losses;
  }

  private static double number(JsonNode line, String field) {
    JsonNode value = line.path(field);
    return value.isNumber() ? value.doubleValue() : Double.NaN;
  }
}
