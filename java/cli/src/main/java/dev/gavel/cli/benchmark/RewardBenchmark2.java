package dev.gavel.cli.benchmark;

import dev.gavel.InvalidArgumentException;
import dev.gavel.cli.rows.Row;
import dev.gavel.message.Counted;
import dev.gavel.metric.Bootstrap;
import dev.gavel.metric.Estimate;
import dev.gavel.metric.RewardBench2;
import dev.gavel.metric.RewardBench2Ties;
import dev.gavel.text.row.BadRowException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * RewardBench 2: one right response among several, with part of the credit in a tie ({@link
 * RewardBench2}), and the Ties subset with a score of its own ({@link RewardBench2Ties}). Intervals
 * are percentile bootstraps with a fixed seed: over rows, and in Ties over prompts.
 */
public final class RewardBenchmark2 implements Benchmark {
  private static final String TIES = "Ties";
  private static final List<String> NAMES =
      List.of("Factuality", "Precise IF", "Math", "Safety", "Focus", TIES);
  // 1000 samples place the ends of a 95 % interval within a few hundredths of its width.
  private static final Bootstrap BOOTSTRAP = new Bootstrap(1000, 0.95);
  private static final long SEED = 0;

  private final Map<String, List<Double>> credits = new LinkedHashMap<>();
  private final List<RewardBench2Ties.Row> ties = new ArrayList<>();

  /** Without rows. */
  public RewardBenchmark2() {}

  @Override
  public String name() {
    return "rewardbench2";
  }

  @Override
  public Collection<String> subsets() {
    return NAMES;
  }

  @Override
  public void check(Row row) throws BadRowException {
    Subsets.requireOneOf(subsets(), row, name());
    int right = right(row);
    if (isTies(row)) {
      if (!row.id().asText().matches("(ref|tied):\\d{1,9}")) {
        throw new BadRowException(
            "id",
            row.id().toString(),
            "id is %s; of a row of the subset Ties it is ref: or tied: and a number"
                .formatted(row.id()));
      }
    } else if (right != 1) {
      throw new BadRowException(
          "chosen",
          Counted.of(right, "text"),
          "the row has %s; outside the subset Ties, a row of %s has one"
              .formatted(Counted.of(right, "chosen response"), name()));
    }
  }

  @Override
  public void add(Row row, List<Float> scores) {
    List<Double> values = scores.stream().map(Float::doubleValue).toList();
    List<Double> labels = row.labels().orElseThrow();
    if (isTies(row)) {
      ties.add(RewardBench2Ties.Row.of(row.id().asText(), right(row), rightFirst(values, labels)));
    } else {
      double best = labels.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
      credits
          .computeIfAbsent(row.subset().orElseThrow(), _ -> new ArrayList<>())
          .add(
              RewardBench2.credit(
                  labels.indexOf(best),
                  values.stream().mapToDouble(Double::doubleValue).toArray()));
    }
  }

  @Override
  public List<Section> sections() {
    List<Section> sections = new ArrayList<>();
    for (String subset : NAMES) {
      if (credits.containsKey(subset)) {
        double[] values = credits.get(subset).stream().mapToDouble(Double::doubleValue).toArray();
        Estimate estimate =
            new Estimate(
                RewardBench2.subset(values), BOOTSTRAP.ofMean(values, new SplittableRandom(SEED)));
        sections.add(new Section(subset, values.length, estimate));
      }
    }
    if (!ties.isEmpty() && unscored().isEmpty()) {
      sections.add(new Section(TIES, ties.size(), TiesBootstrap.estimate(ties, BOOTSTRAP, SEED)));
    }
    return sections;
  }

  // A part of a data set, or one in which a row failed, may lack what tied prompts are compared
  // with.
  @Override
  public Map<String, String> unscored() {
    if (ties.isEmpty()) {
      return Map.of();
    }
    try {
      RewardBench2Ties.of(ties);
      return Map.of();
    } catch (InvalidArgumentException e) {
      return Map.of(TIES, String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Optional<Estimate> score() {
    List<Section> sections = sections();
    return sections.size() < NAMES.size() ? Optional.empty() : Optional.of(Subsets.mean(sections));
  }

  private static boolean isTies(Row row) {
    return row.subset().orElseThrow().equals(TIES);
  }

  // As many responses as have the best label.
  private static int right(Row row) {
    List<Double> labels = row.labels().orElseThrow();
    double best = labels.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    return (int) labels.stream().filter(label -> label == best).count();
  }

  private static List<Double> rightFirst(List<Double> scores, List<Double> labels) {
    double best = labels.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    List<Double> ordered = new ArrayList<>();
    for (boolean right : new boolean[] {true, false}) {
      for (int i = 0; i < scores.size(); i++) {
        if ((labels.get(i) == best) == right) {
          ordered.add(scores.get(i));
        }
      }
    }
    return ordered;
  }
}
