package dev.gavel.cli.benchmark;

import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.rows.Row;
import dev.gavel.message.Counted;
import dev.gavel.metric.Estimate;
import dev.gavel.metric.RewardBench;
import dev.gavel.metric.RewardBench.Weights;
import dev.gavel.text.row.BadRowException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * RewardBench: pairs, a tie being wrong; subsets are weighted into sections by the reference's
 * counts ({@link RewardBench}). Intervals of sections are recovered from the Wilson intervals of
 * their subsets.
 */
public final class RewardBenchmark implements Benchmark {
  private final Map<String, Tally> subsets = new HashMap<>();

  /** Without rows. */
  public RewardBenchmark() {}

  @Override
  public String name() {
    return "rewardbench";
  }

  @Override
  public Collection<String> subsets() {
    return RewardBench.SUBSETS.keySet();
  }

  @Override
  public void check(Row row) throws BadRowException {
    Subsets.requireOneOf(subsets(), row, name());
    if (row.responses().size() != 2) {
      throw new BadRowException(
          "responses",
          Counted.of(row.responses().size(), "response"),
          "the row has %s; a row of %s has one that is chosen and one that is rejected"
              .formatted(Counted.of(row.responses().size(), "response"), name()));
    }
  }

  @Override
  public void add(Row row, List<Float> scores) {
    subsets
        .computeIfAbsent(row.subset().orElseThrow(), _ -> new Tally())
        .add(scores, GroupFacts.of(row));
  }

  @Override
  public List<Section> sections() {
    Map<RewardBench.Section, List<Estimate.Weighted>> parts =
        new EnumMap<>(RewardBench.Section.class);
    Map<RewardBench.Section, Long> rows = new EnumMap<>(RewardBench.Section.class);
    RewardBench.SUBSETS.forEach((subset, place) -> {
      if (subsets.containsKey(subset)) {
        var accuracy = subsets.get(subset).accuracy();
        parts
            .computeIfAbsent(place.section(), _ -> new ArrayList<>())
            .add(
                new Estimate.Weighted(
                    RewardBench.weight(Weights.REFERENCE, subset), Estimate.of(accuracy)));
        rows.merge(place.section(), accuracy.of(), Long::sum);
      }
    });
    List<Section> sections = new ArrayList<>();
    parts.forEach((section, weighted) ->
        sections.add(
            new Section(name(section), rows.get(section), Estimate.weightedMean(weighted))));
    return sections;
  }

  @Override
  public Optional<Estimate> score() {
    List<Section> sections = sections();
    return sections.size() < RewardBench.Section.values().length
        ? Optional.empty()
        : Optional.of(Subsets.mean(sections));
  }

  private static String name(RewardBench.Section section) {
    return section.name().toLowerCase(Locale.ROOT);
  }
}
