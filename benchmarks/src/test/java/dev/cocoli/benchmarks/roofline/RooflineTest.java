package dev.cocoli.benchmarks.roofline;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What a training step and a detection ask of an H100 is what the files beside the program say: a
 * launch, a wait or a byte more is noticed here.
 */
@Tag("slow")
class RooflineTest {
  private static final String FOLDER =
      "benchmarks/src/main/resources/dev/cocoli/benchmarks/roofline/";
  private static final List<String> HELD =
      List.of("launches", "waits", "copies", "memsets", "bytes");

  private static StandIn standIn;

  @BeforeAll
  static void build() throws IOException {
    if (StandIn.compiler().isEmpty()) {
      String reason = "counting on the fake GPU: there is no C++ compiler (g++, clang++ or CXX)";
      System.out.println("skipped: " + reason);
      abort(reason);
    }
    standIn = StandIn.build();
  }

  @AfterAll
  static void delete() throws IOException {
    if (standIn != null) {
      standIn.close();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "train,8,bf16,frozen",
    "train,8,bf16,batch",
    "detect,1,bf16,batch",
    "detect,1,fp32,batch"
  })
  void nothingHasGrown(String task, int batch, String precision, String norm) throws IOException {
    Workload work = Workload.of(task, "800x1344", batch, precision, norm);
    String file =
        task + "-" + batch + "-" + precision + (task.equals("train") ? "-" + norm : "") + ".json";
    JsonNode known;
    try (InputStream in = RooflineCommand.class.getResourceAsStream(file)) {
      known = new ObjectMapper().readTree(in);
    }
    JsonNode counted =
        Counts.of(standIn.run(Card.H100, work), Card.H100, work).json(Card.H100, work);
    List<String> grown = new ArrayList<>();
    List<String> shrunk = new ArrayList<>();
    compare("in all", known, counted, grown, shrunk);
    TreeSet<String> names = new TreeSet<>();
    known.get("kernels").fieldNames().forEachRemaining(names::add);
    counted.get("kernels").fieldNames().forEachRemaining(names::add);
    boolean more = !grown.isEmpty();
    for (String name : names) {
      compare(
          name, known.get("kernels").path(name), counted.get("kernels").path(name), grown, shrunk);
    }
    String renew =
        ("; if that is meant, renew the file: benchmarks/roofline --task %s --batch %d --precision"
             + " %s --norm %s --json %s")
            .formatted(task, batch, precision, norm, FOLDER + file);
    assertTrue(!more, file + ": more than before: " + String.join(", ", grown) + renew);
    assertTrue(
        shrunk.isEmpty() && grown.isEmpty(),
        file + ": no more than before, but not the same: " + shrunk + grown + renew);
  }

  private static void compare(
      String name, JsonNode known, JsonNode counted, List<String> grown, List<String> shrunk) {
    for (String key : HELD) {
      long before = known.path(key).asLong();
      long now = counted.path(key).asLong();
      if (now != before) {
        (now > before ? grown : shrunk)
            .add("%s %s %,d instead of %,d".formatted(key, name, now, before));
      }
    }
  }
}
