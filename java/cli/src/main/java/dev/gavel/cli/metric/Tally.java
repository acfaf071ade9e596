package dev.gavel.cli.metric;

import dev.gavel.metric.Agreement;
import dev.gavel.metric.Proportion;
import java.util.List;
import java.util.Optional;

/** Agreements of many rows, of a scorer and of one that only counts characters. One thread. */
public final class Tally {
  private long rows;
  private long right;
  private long ties;
  private double chance;
  private long pairs;
  private long pairsRight;
  private long pairsTied;
  private long lengthRight;
  private long lengthPairsRight;
  private long withoutPreference;

  /** Adds a row. */
  public void add(List<Float> scores, GroupFacts group) {
    List<Double> labels = group.labels();
    Optional<Agreement> scored = Agreement.of(scores, labels);
    if (scored.isEmpty()) {
      withoutPreference++;
      return;
    }
    Agreement agreement = scored.get();
    rows++;
    right += agreement.best() ? 1 : 0;
    ties += agreement.tie() ? 1 : 0;
    chance += agreement.chance();
    pairs += agreement.pairs();
    pairsRight += agreement.pairsRight();
    pairsTied += agreement.pairsTied();
    List<Float> lengths = group.lengths().stream().map(Integer::floatValue).toList();
    Agreement length = Agreement.of(lengths, labels).orElseThrow();
    lengthRight += length.best() ? 1 : 0;
    lengthPairsRight += length.pairsRight();
  }

  /** Rows whose best response was found. */
  public Proportion accuracy() {
    return new Proportion(right, rows);
  }

  /** Rows whose best response is the longest, in code points. */
  public Proportion lengthAccuracy() {
    return new Proportion(lengthRight, rows);
  }

  /** Pairs of responses in the right order. */
  public Proportion pairAccuracy() {
    return new Proportion(pairsRight, pairs);
  }

  /** Pairs of responses of which the longer is the better. */
  public Proportion lengthPairAccuracy() {
    return new Proportion(lengthPairsRight, pairs);
  }

  /** Share of rows that a random order gets right, on average. */
  public double chance() {
    return rows == 0 ? 0 : chance / rows;
  }

  /** Rows with a tie at the top; they count as wrong. */
  public long ties() {
    return ties;
  }

  /** Pairs with a tie; they count as wrong. */
  public long pairTies() {
    return pairsTied;
  }

  /** Rows left out since their responses are all liked the same. */
  public long withoutPreference() {
    return withoutPreference;
  }
}
