package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.Models;
import dev.cocoli.nn.Norm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/hyperparameters.md has every hyper-parameter, with its default. */
class HyperparametersPageTest {
  private static final Path PAGE = Path.of("../docs/hyperparameters.md");
  private static final Pattern ROW = Pattern.compile("\\| (`[^|]+`) \\| ([^|]+) \\| [^|]+ \\|");

  /** The models whose defaults the page has: of each name those of the first that has it. */
  private static final List<String> OF_THE_PAGE =
      List.of("fasterrcnn_resnet50_fpn", "fastrcnn_resnet50", "rcnn_resnet50");

  @Test
  void everyNameIsThereWithItsDefault() throws IOException {
    Map<String, String> documented = new TreeMap<>();
    for (String line : Files.readAllLines(PAGE)) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        String[] names = row.group(1).replace("`", "").split(", ");
        String[] defaults = row.group(2).split(", ");
        assertEquals(names.length, defaults.length, line);
        for (int i = 0; i < names.length; i++) {
          documented.put(names[i], defaults[i]);
        }
      }
    }
    Map<String, String> actual = new TreeMap<>();
    Stream.concat(OF_THE_PAGE.stream(), Models.names().stream())
        .map(name -> ModelSpec.of(name, List.of("a"), Norm.Type.FROZEN))
        .forEach(model -> model.hyperparameters().forEach(actual::putIfAbsent));
    assertEquals(actual, documented);
  }
}
