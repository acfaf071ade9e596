package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Readout;
import java.util.ArrayList;
import java.util.List;

/**
 * What a head gives for a response, as a row of numbers: its score, then its objectives, then what
 * is behind each number that is the mean of a distribution, then the logit of the score.
 *
 * @param objectives names, in order; none where the head gives nothing but a score
 * @param mixed whether the score is mixed of the objectives; otherwise it is one of them, where
 *     there are some
 * @param chosen which of them, else 0
 * @param spread what is behind them, or behind the score where there are none
 * @param quantiles numbers of a spread of QUANTILES, else 0
 * @param logits whether the logit is among them, as the reduction of steps may need it
 */
public record HeadOutputs(
    List<String> objectives,
    boolean mixed,
    int chosen,
    SpreadKind spread,
    int quantiles,
    boolean logits) {
  /** Copies the names. */
  public HeadOutputs {
    objectives = List.copyOf(objectives);
  }

  /** What is behind a number. */
  public enum SpreadKind {
    /** Nothing. */
    NONE,
    /** A distribution over levels: its variance. */
    VARIANCE,
    /** Quantiles: all of them. */
    QUANTILES
  }

  static HeadOutputs of(List<String> objectives, boolean mixed, int chosen, Readout distributions) {
    return switch (distributions) {
      case Readout.Expectation(List<Float> _, Readout.Statistic statistic)
          when statistic == Readout.Statistic.MEAN ->
          new HeadOutputs(objectives, mixed, chosen, SpreadKind.VARIANCE, 0, false);
      case Readout.QuantileMean(int quantiles) ->
          new HeadOutputs(objectives, mixed, chosen, SpreadKind.QUANTILES, quantiles, false);
      case Readout.Identity(),
          Readout.Affine _,
          Readout.Sigmoid(),
          Readout.ClassProb _,
          Readout.Expectation _,
          Readout.WeightedSum _,
          Readout.GatedSum _ ->
          new HeadOutputs(objectives, mixed, chosen, SpreadKind.NONE, 0, false);
    };
  }

  /** The same with logits. */
  HeadOutputs withLogits() {
    return new HeadOutputs(objectives, mixed, chosen, spread, quantiles, true);
  }

  /** Whether the score itself is the mean of a distribution. */
  public boolean hasScoreSpread() {
    return spread != SpreadKind.NONE && !mixed;
  }

  /** Whether each objective is the mean of a distribution. */
  public boolean hasObjectiveSpread() {
    return spread != SpreadKind.NONE && !objectives.isEmpty();
  }

  /** Numbers of one spread. */
  int spreadWidth() {
    return switch (spread) {
      case NONE -> 0;
      case VARIANCE -> 1;
      case QUANTILES -> quantiles;
    };
  }

  /** Distributions of a response. */
  int distributions() {
    return Math.max(1, objectives.size());
  }

  /** Numbers of a response. */
  public int width() {
    return 1 + objectives.size() + distributions() * spreadWidth() + (logits ? 1 : 0);
  }

  /** The scores among rows of numbers. */
  public List<Float> scores(List<Float> values) {
    return column(values, 0);
  }

  /** The logits among rows of numbers, where they are there. */
  List<Float> logits(List<Float> values) {
    return column(values, width() - 1);
  }

  /** What is behind the scores. */
  Spread scoreSpread(List<Float> values) {
    return hasScoreSpread() ? spread(values, chosen) : Spread.none();
  }

  /** The objectives, each with what is behind it. */
  List<GroupScore.Objective> objectives(List<Float> values) {
    List<GroupScore.Objective> all = new ArrayList<>();
    for (int i = 0; i < objectives.size(); i++) {
      all.add(
          new GroupScore.Objective(objectives.get(i), column(values, 1 + i), spread(values, i)));
    }
    return all;
  }

  private Spread spread(List<Float> values, int distribution) {
    int from = 1 + objectives.size() + distribution * spreadWidth();
    return switch (spread) {
      case NONE -> Spread.none();
      case VARIANCE -> new Spread.Variance(column(values, from));
      case QUANTILES -> {
        List<List<Float>> all = new ArrayList<>();
        for (int i = 0; i < rows(values); i++) {
          int at = i * width() + from;
          all.add(values.subList(at, at + quantiles));
        }
        yield new Spread.Quantiles(all);
      }
    };
  }

  private List<Float> column(List<Float> values, int which) {
    List<Float> one = new ArrayList<>();
    for (int i = 0; i < rows(values); i++) {
      one.add(values.get(i * width() + which));
    }
    return one;
  }

  private int rows(List<Float> values) {
    if (values.size() % width() != 0) {
      throw new InvalidArgumentException(
          "%d numbers of responses; there must be %d for each".formatted(values.size(), width()));
    }
    return values.size() / width();
  }
}
