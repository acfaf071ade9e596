package dev.gavel.cli;

import dev.gavel.cli.benchmark.Benchmark;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.Tally;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Agreement of all rows and of every subset. One thread. */
final class EvalResult {
  private final Tally all = new Tally();
  private final SortedMap<String, Tally> subsets = new TreeMap<>();
  private int failedRows;
  private int withoutPreference;
  private final Optional<Benchmark> benchmark;

  EvalResult(Optional<Benchmark> benchmark) {
    this.benchmark = benchmark;
  }

  void add(GroupFacts group, List<Float> scores) {
    all.add(scores, group);
    group
        .subset()
        .ifPresent(name -> subsets.computeIfAbsent(name, _ -> new Tally()).add(scores, group));
  }

  void failed() {
    failedRows++;
  }

  void oneWithoutPreference() {
    withoutPreference++;
  }

  Optional<Benchmark> benchmark() {
    return benchmark;
  }

  Tally all() {
    return all;
  }

  SortedMap<String, Tally> subsets() {
    return subsets;
  }

  int failedRows() {
    return failedRows;
  }

  int withoutPreference() {
    return withoutPreference;
  }
}
