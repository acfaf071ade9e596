package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** Choosing responses of a group by their scores: best-of-N and top-k. */
public final class Selection {
  private Selection() {}

  /**
   * Best-of-N: the response with the highest score.
   *
   * @param tieRule which of several with the highest score
   * @param scores one per response, higher is better; -infinity is never chosen
   * @return empty where no response has a token
   * @throws InvalidArgumentException if a score is NaN, or there is a tie at the top that the rule
   *     refuses
   */
  public static OptionalInt bestOfN(TieRule tieRule, double... scores) {
    List<Integer> order = ranking(scores);
    if (order.isEmpty()) {
      return OptionalInt.empty();
    }
    List<Integer> best = order.stream().filter(i -> scores[i] == scores[order.getFirst()]).toList();
    return OptionalInt.of(
        switch (tieRule) {
          case FIRST -> best.getFirst();
          case LAST -> best.getLast();
          case REFUSE -> {
            if (best.size() > 1) {
              throw new InvalidArgumentException(
                  "responses %s all have the highest score, %s; choose a rule for ties"
                      .formatted(best, scores[best.getFirst()]));
            }
            yield best.getFirst();
          }
        });
  }

  /**
   * Top-k: the responses with the k highest scores, best first. Early rejection keeps so many after
   * the first tokens and completes only those (arXiv 2508.01969: 64 tokens, k = beams / beam
   * width). Of equal scores the response that comes first is kept.
   *
   * @param k 1 or more
   * @param scores one per response, higher is better; -infinity is never kept
   * @return fewer than k where fewer responses have a token
   * @throws InvalidArgumentException if k is less than 1, or a score is NaN or infinity
   */
  public static List<Integer> topK(int k, double... scores) {
    if (k < 1) {
      throw new InvalidArgumentException("top %d; it must be 1 or more".formatted(k));
    }
    return ranking(scores).stream().limit(k).toList();
  }

  /**
   * All responses that have a token, best first; equal scores in the order they came.
   *
   * @param scores one per response, higher is better
   */
  public static List<Integer> ranking(double... scores) {
    Numbers.requireScores("score", scores);
    return IntStream.range(0, scores.length)
        .filter(i -> scores[i] != Double.NEGATIVE_INFINITY)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -scores[i] + 0.0))
        .toList();
  }
}
