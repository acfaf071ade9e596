package dev.gavel.cli.benchmark;

import dev.gavel.cli.rows.Row;
import dev.gavel.metric.Estimate;
import dev.gavel.text.row.BadRowException;
import java.util.Collection;
import java.util.List;

/** What benchmarks that are made of subsets have in common. */
final class Subsets {
  private Subsets() {}

  static void requireOneOf(Collection<String> names, Row row, String benchmark)
      throws BadRowException {
    if (row.subset().isEmpty()) {
      throw new BadRowException(
          "subset",
          "no subset",
          "the row has no subset; a row of %s names one".formatted(benchmark));
    }
    String subset = row.subset().get();
    if (!names.contains(subset)) {
      throw new BadRowException(
          "subset", subset, "subset '%s' is not in %s".formatted(subset, benchmark));
    }
  }

  /** The mean of sections, each counting the same. */
  static Estimate mean(List<Benchmark.Section> sections) {
    return Estimate.weightedMean(
        sections.stream().map(section -> new Estimate.Weighted(1, section.estimate())).toList());
  }
}
