package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Scores of a group and what they were made of.
 *
 * @param scores one per response, in order; higher is better; NaN where a hidden state was one, or
 *     the reduction of its steps is not defined
 * @param spread what is behind the scores where each is the mean of a distribution
 * @param steps scores of the steps of each response, of which {@code scores} are the reduction, or
 *     of whose logits they are where it {@linkplain dev.gavel.aggregation.StepReduction#needsLogits
 *     needs them}; empty where the model scores responses whole
 * @param objectives what a head of several objectives gives for each, in order; empty where it has
 *     one
 * @param layout how responses lay in sequences
 * @param passes sequences the backbone was run on
 * @param sharedTokens tokens the backbone ran once for several responses of layout INDEPENDENT,
 *     each judged as if it followed them alone; 0 where every response was run by itself
 * @param tokens tokens kept of each response
 * @param truncated tokens cut of each response
 * @param promptTokens tokens kept of the prompt
 * @param promptTruncated tokens cut of the prompt
 * @param specialLiterals literals of special tokens in prompt and responses, read as plain text
 * @param readout how logits became scores: identity, affine, sigmoid, expectation, quantile_mean or
 *     gated_sum
 * @param template the chat template: its file and the start of its hash, or "none"
 */
public record GroupScore(
    List<Float> scores,
    Spread spread,
    List<List<Float>> steps,
    List<Objective> objectives,
    Layout layout,
    int passes,
    int sharedTokens,
    List<Integer> tokens,
    List<Integer> truncated,
    int promptTokens,
    int promptTruncated,
    int specialLiterals,
    String readout,
    String template) {
  /** Copies the lists. */
  public GroupScore {
    scores = List.copyOf(scores);
    steps = steps.stream().map(List::copyOf).toList();
    objectives = List.copyOf(objectives);
    spread.require("the score", scores.size());
    for (Objective objective : objectives) {
      if (objective.values().size() != scores.size()) {
        throw new InvalidArgumentException(
            "objective %s has %d numbers for %d scores; there must be one for each response"
                .formatted(objective.name(), objective.values().size(), scores.size()));
      }
      objective.spread().require("objective " + objective.name(), scores.size());
    }
    tokens = List.copyOf(tokens);
    truncated = List.copyOf(truncated);
  }

  /**
   * An objective.
   *
   * @param name what its model calls it
   * @param values one per response, in order
   * @param spread what is behind the values where each is the mean of a distribution
   */
  public record Objective(String name, List<Float> values, Spread spread) {
    /** Copies the list. */
    public Objective {
      values = List.copyOf(values);
    }

    private boolean isFinite() {
      return values.stream().allMatch(Float::isFinite) && spread.isFinite();
    }
  }

  /** Whether every score and objective, and what is behind them, is a finite number. */
  public boolean isFinite() {
    return scores.stream().allMatch(Float::isFinite)
        && spread.isFinite()
        && objectives.stream().allMatch(Objective::isFinite);
  }

  /** The response with the highest score; the first of several. A NaN is below every number. */
  public int best() {
    return ranking().get(0);
  }

  /** Responses from best to worst; equal scores keep their order, NaN comes last. */
  public List<Integer> ranking() {
    List<Integer> order = new ArrayList<>(IntStream.range(0, scores.size()).boxed().toList());
    order.sort(
        Comparator.comparing(
            i -> scores.get(i),
            (a, b) -> {
              if (a.isNaN() || b.isNaN()) {
                return Boolean.compare(a.isNaN(), b.isNaN());
              }
              // -0 and +0 are the same score.
              return a.floatValue() == b.floatValue() ? 0 : Float.compare(b, a);
            }));
    return List.copyOf(order);
  }
}
