package dev.cocoli.cli.terminal;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.cocoli.eval.CocoMetrics;
import dev.cocoli.eval.CocoMetrics.ClassAp;
import dev.cocoli.files.OutputFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** Formats COCO's metrics for people and for programs. */
public final class MetricsText {
  private MetricsText() {}

  public static void print(CocoMetrics metrics, PrintWriter out) {
    out.print(metrics.summary());
    int width =
        metrics.perClass().stream().mapToInt(c -> c.category().name().length()).max().orElse(0);
    for (ClassAp one : metrics.perClass()) {
      out.printf(
          Locale.ROOT,
          " %-" + Math.max(1, width) + "s  AP %6.3f  AP50 %6.3f%n",
          one.category().name(),
          one.ap(),
          one.ap50());
    }
    if (metrics.perClass().stream().anyMatch(one -> one.ap() < 0)) {
      out.println(" (-1: the ground truth has no such object)");
    }
    out.flush();
  }

  /** Writes the twelve metrics by pycocotools' names, and AP per class. */
  public static void write(CocoMetrics metrics, Path file) throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      for (Map.Entry<String, Double> number : metrics.byName().entrySet()) {
        json.writeNumberField(number.getKey(), number.getValue());
      }
      json.writeArrayFieldStart("classes");
      for (ClassAp one : metrics.perClass()) {
        json.writeStartObject();
        json.writeNumberField("category_id", one.category().id());
        json.writeStringField("category", one.category().name());
        json.writeNumberField("AP", one.ap());
        json.writeNumberField("AP50", one.ap50());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
      json.writeRaw('\n');
    }
    OutputFile.write(file, text.toByteArray());
  }
}
