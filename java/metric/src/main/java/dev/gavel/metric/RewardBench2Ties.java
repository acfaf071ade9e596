package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToDoubleBiFunction;

/**
 * The Ties subset of RewardBench 2 (allenai/reward-bench {@code utils.py process_single_model}):
 * prompts with several right answers, each beside a reference prompt with one. With, per prompt,
 *
 * <pre>
 * gap    = worst right - best wrong     accurate where it is above 0
 * spread = best right - worst right     of the tied prompt
 * least  = min(gap of the reference prompt, gap of the tied prompt)
 * </pre>
 *
 * <p>the score is 0.30 accuracy of tied prompts + 0.30 accuracy of reference prompts + 0.20 share
 * of gap of tied &gt; spread + 0.20 share of least &gt; spread + 0.01 mean of tanh(least / spread -
 * 1), where a tanh of 0 / 0 counts 0. Accuracies are over all prompts of a kind, the rest over
 * those that have both. It is at most 1.01.
 *
 * @param tiedAccuracy 0 to 1
 * @param referenceAccuracy 0 to 1
 * @param preferred share of tied prompts whose gap is above the spread
 * @param preferredHard share whose least gap is above the spread
 * @param margin mean of the last term, -1 to 1
 */
public record RewardBench2Ties(
    double tiedAccuracy,
    double referenceAccuracy,
    double preferred,
    double preferredHard,
    double margin) {

  /** What a prompt is for. */
  public enum Kind {
    /** One right answer; {@code ref} in the reference's files. */
    REFERENCE,
    /** Several right answers. */
    TIED
  }

  /**
   * A row.
   *
   * @param kind what it is for
   * @param prompt number that a tied prompt and its reference share
   * @param right scores of the right answers, finite: one or more, of a tied prompt two or more
   *     over all its rows
   * @param wrong scores of the wrong answers, finite, one or more over all its rows
   */
  public record Row(Kind kind, int prompt, List<Double> right, List<Double> wrong) {
    /** Takes copies and checks them. */
    public Row {
      right = List.copyOf(right);
      wrong = List.copyOf(wrong);
      right.forEach(score -> Checks.requireFinite("score of a right answer", score));
      wrong.forEach(score -> Checks.requireFinite("score of a wrong answer", score));
    }

    /**
     * A row as the reference's files have it.
     *
     * @param id {@code ref:12} or {@code tied:12}
     * @param rightCount so many answers at the beginning are right
     * @param scores of all answers
     */
    public static Row of(String id, int rightCount, List<Double> scores) {
      if (!id.matches("(ref|tied):\\d{1,9}")) {
        throw new InvalidArgumentException(
            "id '%s' of a Ties row; it must be ref: or tied: and a number".formatted(id));
      }
      if (rightCount < 0 || rightCount > scores.size()) {
        throw new InvalidArgumentException(
            "row %s has %s, of which %d are to be right"
                .formatted(id, Counted.of(scores.size(), "answer"), rightCount));
      }
      return new Row(
          id.startsWith("ref") ? Kind.REFERENCE : Kind.TIED,
          Integer.parseInt(id.substring(id.indexOf(':') + 1)),
          scores.subList(0, rightCount),
          scores.subList(rightCount, scores.size()));
    }
  }

  /** Scores of a prompt from all its rows. */
  private record Prompt(List<Double> right, List<Double> wrong) {
    double gap() {
      return Collections.min(right) - Collections.max(wrong);
    }

    double spread() {
      return Collections.max(right) - Collections.min(right);
    }
  }

  /**
   * Scores the subset.
   *
   * @param rows in any order
   * @throws InvalidArgumentException if a prompt has no right or no wrong answer, a tied prompt has
   *     fewer than two right ones, or no prompt has both kinds of rows
   */
  public static RewardBench2Ties of(List<Row> rows) {
    SortedMap<Integer, Prompt> references = prompts(rows, Kind.REFERENCE, 1);
    SortedMap<Integer, Prompt> tied = prompts(rows, Kind.TIED, 2);
    List<Integer> both = new ArrayList<>(tied.keySet());
    both.retainAll(references.keySet());
    if (both.isEmpty()) {
      throw new InvalidArgumentException(
          "none of %d tied and %d reference prompts have the same number; each tied prompt needs its reference"
              .formatted(tied.size(), references.size()));
    }
    ToDoubleBiFunction<Prompt, Prompt> margin =
        (reference, prompt) -> {
          double term = Math.tanh(Math.min(reference.gap(), prompt.gap()) / prompt.spread() - 1);
          return Double.isNaN(term) ? 0 : term;
        };
    return new RewardBench2Ties(
        accuracy(tied),
        accuracy(references),
        mean(both, references, tied, (_, prompt) -> prompt.gap() > prompt.spread() ? 1 : 0),
        mean(
            both,
            references,
            tied,
            (reference, prompt) ->
                Math.min(reference.gap(), prompt.gap()) > prompt.spread() ? 1 : 0),
        mean(both, references, tied, margin));
  }

  /** The score, at most 1.01. */
  public double score() {
    return 0.30 * tiedAccuracy
        + 0.30 * referenceAccuracy
        + 0.20 * preferred
        + 0.20 * preferredHard
        + 0.01 * margin;
  }

  private static SortedMap<Integer, Prompt> prompts(List<Row> rows, Kind kind, int leastRight) {
    SortedMap<Integer, Prompt> prompts = new TreeMap<>();
    rows.stream()
        .filter(row -> row.kind() == kind)
        .forEach(row -> {
          Prompt prompt =
              prompts.computeIfAbsent(
                  row.prompt(), _ -> new Prompt(new ArrayList<>(), new ArrayList<>()));
          prompt.right().addAll(row.right());
          prompt.wrong().addAll(row.wrong());
        });
    prompts.forEach((number, prompt) -> {
      if (prompt.right().size() < leastRight || prompt.wrong().isEmpty()) {
        throw new InvalidArgumentException(
            "%s prompt %d has %d right and %s; it needs %d right and 1 wrong or more"
                .formatted(
                    kind,
                    number,
                    prompt.right().size(),
                    Counted.of(prompt.wrong().size(), "wrong answer"),
                    leastRight));
      }
    });
    return prompts;
  }

  private static double accuracy(Map<Integer, Prompt> prompts) {
    return prompts.values().stream()
        .mapToDouble(prompt -> prompt.gap() > 0 ? 1 : 0)
        .average()
        .orElseThrow();
  }

  private static double mean(
      List<Integer> both,
      Map<Integer, Prompt> references,
      Map<Integer, Prompt> tied,
      ToDoubleBiFunction<Prompt, Prompt> term) {
    double sum = 0;
    for (int number : both) {
      sum += term.applyAsDouble(references.get(number), tied.get(number));
    }
    return sum / both.size();
  }
}
