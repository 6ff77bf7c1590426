package dev.cocoli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
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
   * @throws IOException if the file cannot be read or is no regular file, if a line is longer than
   *     1 MB, or if one other than the last is not JSON
   */
  public static TrainingLog read(Path file) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    TreeMap<Long, StepMetrics> steps = new TreeMap<>();
    TreeMap<Double, EvaluationMetrics> evaluations = new TreeMap<>();
    if (Files.exists(file) && !Files.isRegularFile(file)) { // a device may be read without end
      throw new IOException(file + " is no regular file");
    }
    try (Lines lines = new Lines(file)) {
      for (String text = lines.next(); text != null; text = lines.next()) {
        read(text, lines, mapper, steps, evaluations);
      }
    }
    return new TrainingLog(List.copyOf(steps.values()), new ArrayList<>(evaluations.values()));
  }

  private static void read(
      String text,
      Lines lines,
      ObjectMapper mapper,
      TreeMap<Long, StepMetrics> steps,
      TreeMap<Double, EvaluationMetrics> evaluations)
      throws IOException {
    if (!text.isBlank()) {
      JsonNode line;
      try {
        line = mapper.readTree(text);
      } catch (JsonProcessingException e) {
        if (lines.isLast()) {
          return;
        }
        throw new IOException(lines.place() + " is not JSON", e);
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
  }

  /** The lines of a file, one after the other, none of them endless. */
  private static final class Lines implements AutoCloseable {
    private static final int MOST_CHARACTERS = 1 << 20;

    private final Path file;
    private final BufferedReader in;
    private int number;

    Lines(Path file) throws IOException {
      this.file = file;
      CharsetDecoder decoder =
          StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPLACE);
      in = new BufferedReader(new InputStreamReader(Files.newInputStream(file), decoder));
    }

    /** The next line; null at the end. */
    String next() throws IOException {
      StringBuilder line = new StringBuilder();
      number++;
      for (int c = in.read(); c >= 0; c = in.read()) {
        if (c == '\n') {
          return line.toString();
        }
        line.append((char) c);
        if (line.length() > MOST_CHARACTERS) {
          throw new IOException(place() + " is too long");
        }
      }
      return line.isEmpty() ? null : line.toString();
    }

    /** Whether nothing follows the line that was read last. */
    boolean isLast() throws IOException {
      in.mark(1);
      int next = in.read();
      in.reset();
      return next < 0;
    }

    String place() {
      return file + ": line " + number;
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
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
