package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The results of a comparison, to be printed and written. */
final class Report {
  private final Map<String, String> circumstances = new LinkedHashMap<>();
  private final List<Row> rows = new ArrayList<>();
  private final List<Share> shares = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();

  void circumstance(String name, String value) {
    circumstances.put(name, value);
  }

  void add(Row row) {
    rows.add(row);
  }

  void add(Share share) {
    shares.add(share);
  }

  void note(String note) {
    notes.add(note);
  }

  /** {@return the tables} */
  String print(Table.Form form) {
    StringBuilder text = new StringBuilder();
    circumstances.forEach(
        (name, value) ->
            text.append(form == Table.Form.MARKDOWN ? "- " : "")
                .append(name)
                .append(": ")
                .append(value)
                .append(System.lineSeparator()));
    if (!rows.isEmpty()) {
      text.append(System.lineSeparator()).append(rowTable().print(form));
    }
    if (!shares.isEmpty()) {
      text.append(System.lineSeparator()).append(shareTable().print(form));
    }
    for (String note : notes) {
      text.append(System.lineSeparator()).append(note).append(System.lineSeparator());
    }
    return text.toString();
  }

  private Table rowTable() {
    Table table =
        new Table(
            "task", "beside", "theirs", "Cocoli", "ratio", "their memory", "Cocoli's", "ratio");
    for (Row row : rows) {
      table.add(
          row.task() + ", " + row.precision(),
          row.peer() + ", " + row.peerPrecision(),
          seconds(Medians.of(row.theirs())),
          seconds(Medians.of(row.ours())),
          ratio(row.ratio()),
          megabytes(row.theirBytes()),
          megabytes(row.ourBytes()),
          ratio(row.memoryRatio()));
    }
    return table;
  }

  private Table shareTable() {
    Table table =
        new Table(
            "Cocoli's time", "whole", "in oneDNN", "own share", "bare oneDNN", "whole / bare");
    for (Share share : shares) {
      table.add(
          share.task() + ", " + share.precision(),
          seconds(share.seconds()),
          seconds(share.oneDnnSeconds()),
          String.format(Locale.ROOT, "%.1f %%", 100 * share.own()),
          seconds(share.floorSeconds()),
          ratio(share.seconds() / share.floorSeconds()));
    }
    return table;
  }

  private static String seconds(double value) {
    return String.format(Locale.ROOT, "%.3f s", value);
  }

  private static String ratio(double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.2f", value);
  }

  private static String megabytes(long bytes) {
    return bytes == 0 ? "-" : String.format(Locale.ROOT, "%d MB", Math.round(bytes / 1e6));
  }

  /** Writes all results, with every round, as JSON. */
  void write(Path file) throws IOException {
    ObjectMapper json =
        new ObjectMapper()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(SerializationFeature.WRITE_ENUMS_USING_TO_STRING);
    ObjectNode all = json.createObjectNode();
    all.set("circumstances", json.valueToTree(circumstances));
    all.set("comparisons", json.valueToTree(rows.stream().map(Report::described).toList()));
    all.set("shares", json.valueToTree(shares));
    all.set("notes", json.valueToTree(notes));
    json.writeValue(file.toFile(), all);
  }

  /** A row and the values derived from it. */
  private static Map<String, Object> described(Row row) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("task", row.task());
    map.put("precision", row.precision());
    map.put("peer", row.peer());
    map.put("peer_precision", row.peerPrecision());
    map.put("seconds", Medians.of(row.ours()));
    map.put("peer_seconds", Medians.of(row.theirs()));
    map.put("ratio", row.ratio());
    map.put("peak_bytes", row.ourBytes());
    map.put("peer_peak_bytes", row.theirBytes());
    map.put("rounds", row.ours());
    map.put("peer_rounds", row.theirs());
    return map;
  }
}
