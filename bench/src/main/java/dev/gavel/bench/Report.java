package dev.gavel.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Rows of one benchmark, printed as they come and written as Markdown and JSON at the end. */
final class Report {
  private static final Pattern NUMBER =
      Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?(e[-+]?[0-9]+)?");

  private final String title;
  private final List<String> columns;
  private final List<List<String>> rows = new ArrayList<>();

  Report(String title, Object... columns) {
    this.title = title;
    this.columns = flat(columns).map(String::valueOf).toList();
    System.out.println(title);
    System.out.println(String.join(" | ", this.columns));
  }

  private static Stream<?> flat(Object... cells) {
    return Arrays.stream(cells)
        .flatMap(cell -> cell instanceof List<?> several ? several.stream() : Stream.of(cell));
  }

  /** A number with the digits that mean something. */
  static String number(double value) {
    return String.format(
        Locale.ROOT,
        value < 0.1 ? "%.4f" : value < 10 ? "%.2f" : value < 1000 ? "%.1f" : "%.0f",
        value);
  }

  void row(Object... cells) {
    List<String> row = new ArrayList<>();
    flat(cells)
        .map(cell -> cell instanceof Double value ? number(value) : String.valueOf(cell))
        .forEach(row::add);
    rows.add(row);
    System.out.println(String.join(" | ", row));
  }

  /**
   * Writes NAME.md and NAME.json.
   *
   * @param command what redoes it
   */
  void write(Path folder, String name, String command) throws IOException {
    Files.createDirectories(folder);
    Map<String, String> machine = Machine.describe();
    StringBuilder markdown = new StringBuilder("# " + title + "\n\n`" + command + "`\n\n");
    machine.forEach(
        (key, value) -> markdown.append("- ").append(key).append(": ").append(value).append('\n'));
    markdown.append("\n| ").append(String.join(" | ", columns)).append(" |\n|");
    markdown.append("---|".repeat(columns.size())).append('\n');
    rows.forEach(row -> markdown.append("| ").append(String.join(" | ", row)).append(" |\n"));
    Files.writeString(folder.resolve(name + ".md"), markdown);

    StringBuilder json = new StringBuilder("{\n  \"title\": " + quoted(title));
    json.append(",\n  \"command\": ").append(quoted(command));
    json.append(",\n  \"machine\": {");
    String separator = "";
    for (Map.Entry<String, String> fact : machine.entrySet()) {
      json.append(separator)
          .append("\n    ")
          .append(quoted(fact.getKey()))
          .append(": ")
          .append(quoted(fact.getValue()));
      separator = ",";
    }
    json.append("\n  },\n  \"rows\": [");
    separator = "";
    for (List<String> row : rows) {
      json.append(separator).append("\n    {");
      for (int i = 0; i < columns.size(); i++) {
        json.append(i == 0 ? "" : ", ")
            .append(quoted(columns.get(i)))
            .append(": ")
            .append(json(row.get(i)));
      }
      json.append('}');
      separator = ",";
    }
    json.append("\n  ]\n}\n");
    Files.writeString(folder.resolve(name + ".json"), json);
  }

  // Numbers as numbers, for scripts that draw them.
  private static String json(String cell) {
    return NUMBER.matcher(cell).matches() ? cell : quoted(cell);
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
