package dev.cocoli.benchmarks.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  private static final Row ROW =
      new Row(
          "detection",
          Precision.FP32,
          "torchvision",
          Precision.FP32,
          List.of(2.0, 1.0, 1.5),
          List.of(4.0, 3.0, 2.0),
          1_000_000_000L,
          1_500_000_000L);

  @Test
  void theMedianIsTheMiddle() {
    assertEquals(2, Medians.of(List.of(9.0, 1.0, 2.0)));
    assertEquals(1.5, Medians.of(List.of(1.0, 2.0)));
    assertThrows(IllegalArgumentException.class, () -> Medians.of(List.of()));
  }

  @Test
  void theRatioIsTheirsByOurs() {
    assertEquals(2, ROW.ratio());
    assertEquals(1.5, ROW.memoryRatio());
  }

  @Test
  void printsTextAndMarkdown() {
    Report report = new Report();
    report.circumstance("machine", "a small one");
    report.add(ROW);
    report.add(new Share("detection", Precision.FP32, 2, 1.9, Map.of("convolution", 1.9), 1.6));
    report.note("a note");
    String text = report.print(Table.Form.TEXT);
    assertTrue(text.startsWith("machine: a small one"), text);
    assertTrue(text.contains("5.0 %"), text);
    String markdown = report.print(Table.Form.MARKDOWN);
    String expected =
        "| detection, fp32 | torchvision, fp32 | 3.000 s | 1.500 s |  2.00 |      1500 MB |  1000"
            + " MB |  1.50 |";
    assertTrue(markdown.contains(expected), markdown);
    assertTrue(markdown.contains("a note"), markdown);
  }

  @Test
  void writesEveryRound(@TempDir Path folder) throws IOException {
    Report report = new Report();
    report.add(ROW);
    Path file = folder.resolve("all.json");
    report.write(file);
    JsonNode row = new ObjectMapper().readTree(file.toFile()).get("comparisons").get(0);
    assertEquals(2, row.get("ratio").asDouble());
    assertEquals(3, row.get("rounds").size());
    assertEquals(4, row.get("peer_rounds").get(0).asDouble());
  }

  @Test
  void aTableRefusesARowOfAnotherLength() {
    Table table = new Table("a", "b");
    assertThrows(IllegalArgumentException.class, () -> table.add("1"));
  }

  @Test
  void addsOneDnnsTimesUpByKind() {
    OneDnnProfile profile = new OneDnnProfile();
    profile.accept("onednn_verbose,v1,info,oneDNN v3.13.0");
    profile.accept("{\"seconds\": 1}");
    profile.accept(
        "onednn_verbose,v1,primitive,exec,cpu,convolution,brg,forward,src:f32,,a,mb1,2.5");
    profile.accept(
        "onednn_verbose,v1,primitive,exec,cpu,convolution,brg,forward,src:f32,,a,mb1,1.5");
    profile.accept("onednn_verbose,v1,primitive,exec,cpu,reorder,jit,undef,src:f32,,,64x3,1");
    assertEquals(Map.of("convolution", 0.004, "reorder", 0.001), profile.byKind());
    assertEquals(0.005, profile.total(), 1e-12);
    profile.clear();
    assertEquals(0, profile.total());
  }
}
