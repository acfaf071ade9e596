package dev.gavel.cli.benchmark;

import dev.gavel.cli.rows.Row;
import dev.gavel.metric.Estimate;
import dev.gavel.text.row.BadRowException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Collects the scores of a benchmark's rows and says what they are worth by its rules. One thread.
 */
public interface Benchmark {
  /** Its name on the command line and in reports. */
  String name();

  /** Names of its subsets. */
  Collection<String> subsets();

  /**
   * Checks that a row is one of the benchmark's.
   *
   * @throws BadRowException if its subset, its id or its number of responses is not as the
   *     benchmark has it
   */
  void check(Row row) throws BadRowException;

  /**
   * Adds a row that was checked.
   *
   * @param row with labels
   * @param scores one per response, all finite
   */
  void add(Row row, List<Float> scores);

  /** Sections in the benchmark's order, those that have a score. */
  List<Section> sections();

  /** Why sections that have rows have no score, by name. */
  default Map<String, String> unscored() {
    return Map.of();
  }

  /**
   * The benchmark's score, an unweighted mean of its sections; empty where a section has no score.
   */
  Optional<Estimate> score();

  /**
   * A part of the benchmark that has a score.
   *
   * @param name as the benchmark calls it
   * @param rows it has
   * @param estimate its score, with a 95 % interval
   */
  record Section(String name, long rows, Estimate estimate) {}
}
