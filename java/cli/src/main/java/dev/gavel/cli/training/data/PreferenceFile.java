package dev.gavel.cli.training.data;

import dev.gavel.cli.benchmark.Benchmark;
import dev.gavel.cli.input.InputFile;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.rows.Line;
import dev.gavel.cli.rows.Lines;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.rows.RowParser;
import dev.gavel.message.Counted;
import dev.gavel.text.row.BadRowException;
import dev.gavel.text.row.RowError;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Rows with preferences, all of a file.
 *
 * @param rows rows that can be used and prefer one response to another
 * @param bad rows that cannot be used
 * @param withoutPreference rows whose responses are all liked the same
 */
public record PreferenceFile(List<Row> rows, List<ParsedRow.Bad> bad, List<Row> withoutPreference) {
  private static final int MOST_TOLD = 10;

  /** Copies the lists. */
  public PreferenceFile {
    rows = List.copyOf(rows);
    bad = List.copyOf(bad);
    withoutPreference = List.copyOf(withoutPreference);
  }

  /** Reads all of it. */
  public static PreferenceFile read(InputFile file, Streams streams) {
    RowParser parser = RowParser.ofPreferences();
    List<Row> rows = new ArrayList<>();
    List<ParsedRow.Bad> bad = new ArrayList<>();
    List<Row> withoutPreference = new ArrayList<>();
    try (Lines lines = file.open(streams.in())) {
      Optional<Line> line = lines.next();
      while (line.isPresent()) {
        switch (parser.parse(line.get())) {
          case ParsedRow.Bad row -> bad.add(row);
          case ParsedRow.Good(Row row) -> {
            if (new HashSet<>(row.labels().orElseThrow()).size() > 1) {
              rows.add(row);
            } else {
              withoutPreference.add(row);
            }
          }
        }
        line = lines.next();
      }
    } catch (IOException e) {
      throw file.failure(e);
    }
    file.requireUnchanged();
    return new PreferenceFile(rows, bad, withoutPreference);
  }

  /**
   * Without the rows that cannot be used for another reason, which are bad, too; whether they
   * prefer a response does not matter.
   *
   * @param refusal why a row cannot be used; empty where it can
   */
  PreferenceFile without(Function<Row, Optional<RowError>> refusal) {
    List<ParsedRow.Bad> refused = new ArrayList<>(bad);
    List<Row> kept = usable(rows, refusal, refused);
    List<Row> equal = usable(withoutPreference, refusal, refused);
    refused.sort(Comparator.comparingLong(ParsedRow.Bad::line));
    return new PreferenceFile(kept, refused, equal);
  }

  private static List<Row> usable(
      List<Row> rows, Function<Row, Optional<RowError>> refusal, List<ParsedRow.Bad> refused) {
    List<Row> kept = new ArrayList<>();
    for (Row row : rows) {
      Optional<RowError> why = refusal.apply(row);
      why.ifPresentOrElse(
          error -> refused.add(new ParsedRow.Bad(row.line(), row.id(), error)),
          () -> kept.add(row));
    }
    return kept;
  }

  /** Those of a benchmark; rows that are not are bad. */
  public PreferenceFile of(Benchmark benchmark) {
    return without(row -> {
      try {
        benchmark.check(row);
        return Optional.empty();
      } catch (BadRowException e) {
        return Optional.of(e.error());
      }
    });
  }

  /**
   * Checks that there is something to learn from.
   *
   * @param skipBad whether rows that cannot be used may be left out; they are named on standard
   *     error
   */
  public PreferenceFile forTraining(String name, boolean skipBad, Streams streams) {
    tell(name, bad, skipBad, streams);
    if (rows.isEmpty()) {
      throw CommandFailure.usage(
          "%s has no row that prefers one response to another; there is nothing to learn"
              .formatted(name));
    }
    return this;
  }

  /** Refuses rows that cannot be used, or names them where they may be left out. */
  static void tell(String name, List<ParsedRow.Bad> bad, boolean skipBad, Streams streams) {
    if (!bad.isEmpty() && !skipBad) {
      throw CommandFailure.usage(
          "%s: %s cannot be used, the first in %s; mend the file, or leave them out with --skip-bad-rows"
              .formatted(name, Counted.of(bad.size(), "row"), describe(bad.getFirst())));
    }
    tellBad(name, bad, streams);
  }

  /** Names the rows that cannot be used on standard error, the first of many. */
  public void tellBad(String name, Streams streams) {
    tellBad(name, bad, streams);
  }

  private static void tellBad(String name, List<ParsedRow.Bad> bad, Streams streams) {
    bad.stream()
        .limit(MOST_TOLD)
        .forEach(row -> streams.say("%s: left out %s".formatted(name, describe(row))));
    if (bad.size() > MOST_TOLD) {
      streams.say("%s: and %d more".formatted(name, bad.size() - MOST_TOLD));
    }
  }

  private static String describe(ParsedRow.Bad row) {
    return "line %d: %s".formatted(row.line(), row.error().sentence());
  }
}
