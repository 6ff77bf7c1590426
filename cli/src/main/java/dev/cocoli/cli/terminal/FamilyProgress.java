package dev.cocoli.cli.terminal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.files.OutputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The progress of one detector of the family, stored in a file of its run folder.
 *
 * @param trainingSeconds the seconds of training, summed over all starts
 * @param ap50 the AP50, once it is trained
 */
public record FamilyProgress(double trainingSeconds, OptionalDouble ap50) {
  private static final String FILE = "family.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  public static FamilyProgress read(Path run) throws IOException {
    Path file = run.resolve(FILE);
    if (!Files.exists(file)) {
      return new FamilyProgress(0, OptionalDouble.empty());
    }
    JsonNode values = JSON.readTree(file.toFile());
    return new FamilyProgress(
        values.path("training_seconds").asDouble(),
        values.has("AP50")
            ? OptionalDouble.of(values.get("AP50").asDouble())
            : OptionalDouble.empty());
  }

  public void write(Path run) throws IOException {
    ObjectNode values = JSON.createObjectNode();
    values.put("training_seconds", trainingSeconds);
    if (ap50.isPresent()) {
      values.put("AP50", ap50.getAsDouble());
    }
    OutputFile.replace(
        List.of(
            new OutputFile.Replacement(
                run.resolve(FILE), file -> JSON.writeValue(file.toFile(), values))));
  }

  public FamilyProgress after(double seconds) {
    return new FamilyProgress(trainingSeconds + seconds, ap50);
  }

  public FamilyProgress withAp50(double score) {
    return new FamilyProgress(trainingSeconds, OptionalDouble.of(score));
  }
}
