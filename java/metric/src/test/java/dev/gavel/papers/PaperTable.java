package dev.gavel.papers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.TreeMap;

/** The table of docs/source-papers.md. */
final class PaperTable {
  private static final int COLUMNS = 5;

  /** What the library carries of a paper. */
  enum Verdict {
    /** Its scorer. */
    IN,
    /** What it does with scores. */
    EDGE,
    /** Nothing numeric is left of it. */
    OUT
  }

  /**
   * A row.
   *
   * @param verdict what the library carries
   * @param title of the paper
   * @param words it is made of; empty where it is OUT
   * @param test {@code Class.method}, or the reason where it is OUT
   */
  record Row(Verdict verdict, String title, SequencedSet<String> words, String test) {}

  private PaperTable() {}

  /** Rows by their number. */
  static SequencedMap<Integer, Row> read() {
    SequencedMap<Integer, Row> rows = new TreeMap<>();
    for (String line : lines()) {
      if (line.matches("\\| \\d+ \\|.*")) {
        String[] cells = line.substring(1, line.length() - 1).split(" \\| ", -1);
        if (cells.length != COLUMNS) {
          throw new IllegalStateException(
              "%d cells instead of %d: %s".formatted(cells.length, COLUMNS, line));
        }
        SequencedSet<String> words = new LinkedHashSet<>();
        Arrays.stream(cells[3].strip().split(" ", -1))
            .filter(word -> !word.isEmpty())
            .forEach(words::add);
        Row row =
            new Row(
                Verdict.valueOf(cells[2].strip()), cells[1].strip(), words, test(cells[4].strip()));
        if (rows.put(Integer.valueOf(cells[0].strip()), row) != null) {
          throw new IllegalStateException("two rows of one number: " + line);
        }
      }
    }
    return rows;
  }

  // [Class.method](path)
  private static String test(String cell) {
    return cell.startsWith("[") ? cell.substring(1, cell.indexOf(']')) : cell;
  }

  private static Iterable<String> lines() {
    try {
      return Files.readAllLines(file());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The file, from the folder of the module or of the project. */
  static Path file() {
    Path fromModule = Path.of("../../docs/source-papers.md");
    return Files.exists(fromModule) ? fromModule : Path.of("docs/source-papers.md");
  }
}
