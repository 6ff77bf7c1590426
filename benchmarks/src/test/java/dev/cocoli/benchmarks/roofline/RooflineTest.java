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
    List<String> all = differences("all", known, counted);
    boolean grown = all.stream().anyMatch(difference -> difference.contains("more"));
    TreeSet<String> names = new TreeSet<>();
    known.get("kernels").fieldNames().forEachRemaining(names::add);
    counted.get("kernels").fieldNames().forEachRemaining(names::add);
    List<String> found = new ArrayList<>(all);
    for (String name : names) {
      found.addAll(
          differences(name, known.get("kernels").path(name), counted.get("kernels").path(name)));
    }
    assertTrue(
        found.isEmpty(),
        () ->
            ("%s: %s: %s; if that is meant, renew the file: benchmarks/roofline --task %s --batch"
                    + " %d --precision %s --norm %s --json %s")
                .formatted(
                    file,
                    grown
                        ? "a step has grown"
                        : "a step has not grown, and the file is out of date",
                    String.join(", ", found),
                    task,
                    batch,
                    precision,
                    norm,
                    FOLDER + file));
  }

  private static List<String> differences(String name, JsonNode known, JsonNode counted) {
    List<String> found = new ArrayList<>();
    for (String key : HELD) {
      long before = known.path(key).asLong();
      long now = counted.path(key).asLong();
      if (now != before) {
        found.add(
            "%s of %s %,d, %s than %,d"
                .formatted(key, name, now, now > before ? "more" : "less", before));
      }
    }
    return found;
  }
}
