package dev.cocoli.bundle.prove;

import java.util.ArrayList;
import java.util.List;

/** The table at the end: a row per check, or per group of checks that passed. */
final class ResultTable {
  /** The longest detail: a line of a terminal, and half of one. */
  private static final int LONGEST = 120;

  private final List<List<String>> rows = new ArrayList<>();

  /** Adds the rows of a stage, as {@link StageReport#rows} gives them. */
  void add(List<List<String>> more) {
    rows.addAll(more);
  }

  /** {@return the table, a line per row} */
  String print() {
    int[] widths = new int[rows.isEmpty() ? 0 : rows.getFirst().size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length - 1; i++) {
        String space = " ".repeat(widths[i] - row.get(i).length());
        boolean isNumber = i == widths.length - 2;
        line.append(isNumber ? space + row.get(i) : row.get(i) + space).append("  ");
      }
      String detail = row.getLast().lines().findFirst().orElse("");
      line.append(detail.length() > LONGEST ? detail.substring(0, LONGEST - 3) + "..." : detail);
      text.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
    return text.toString();
  }
}
