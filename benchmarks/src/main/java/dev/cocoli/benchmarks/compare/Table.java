package dev.cocoli.benchmarks.compare;

import java.util.ArrayList;
import java.util.List;

/** Formats text in rows and columns. */
final class Table {
  /** The form in which a table is printed. */
  enum Form {
    /** Columns padded with spaces. */
    TEXT(" ", "  ", ""),
    /** Markdown. */
    MARKDOWN("| ", " | ", " |");

    private final String before;
    private final String between;
    private final String after;

    Form(String before, String between, String after) {
      this.before = before;
      this.between = between;
      this.after = after;
    }
  }

  private final List<String> header;
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... header) {
    this.header = List.of(header);
  }

  void add(String... cells) {
    if (cells.length != header.size()) {
      throw new IllegalArgumentException(
          cells.length + " cells in a table of " + header.size() + " columns");
    }
    rows.add(List.of(cells));
  }

  /** {@return the table; the first column is aligned to the left, numbers to the right} */
  String print(Form form) {
    List<List<String>> all = new ArrayList<>();
    all.add(header);
    if (form == Form.MARKDOWN) {
      all.add(header.stream().map(cell -> "---").toList());
    }
    all.addAll(rows);
    int[] widths = new int[header.size()];
    for (List<String> row : all) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : all) {
      StringBuilder line = new StringBuilder(form.before);
      for (int i = 0; i < widths.length; i++) {
        String space = " ".repeat(widths[i] - row.get(i).length());
        line.append(i == 0 ? "" : form.between);
        line.append(isNumber(row.get(i)) ? space + row.get(i) : row.get(i) + space);
      }
      text.append(form == Form.TEXT ? line.toString().stripTrailing() : line + form.after);
      text.append(System.lineSeparator());
    }
    return text.toString();
  }

  private static boolean isNumber(String cell) {
    return cell.matches("-?[\\d.,]+( (s|MB|%|ms|ns))?|-");
  }
}
