package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Penalties, 0 or less, that are added to rewards of long or repetitive responses. */
public final class LengthPenalty {
  private LengthPenalty() {}

  /**
   * DAPO's overlong penalty (arXiv 2503.14476; verl's DAPO reward manager): min(-(length - (limit -
   * buffer)) / buffer factor, 0). It begins where the buffer begins and is -factor at the limit;
   * beyond, it goes on falling as in the code.
   *
   * @param length of the response in tokens, 0 or more
   * @param limit longest response in tokens
   * @param buffer tokens before the limit in which the penalty grows, 1 to limit
   * @param factor penalty at the limit, 0 or more
   * @throws InvalidArgumentException if a number is not as above
   */
  public static double overlong(long length, long limit, long buffer, double factor) {
    if (length < 0 || buffer < 1 || buffer > limit) {
      throw new InvalidArgumentException(
          "length %d, buffer %d, limit %d; lengths are 0 or more, the buffer 1 to the limit"
              .formatted(length, buffer, limit));
    }
    Numbers.requireNotNegative("factor", factor);
    long beyond = length - (limit - buffer);
    return beyond <= 0 ? 0 : -(double) beyond / buffer * factor;
  }

  /**
   * Repetition penalty (Demystifying Long CoT, arXiv 2502.03373, appendix C.2): (1 - distinct / all
   * n-grams) times the penalty; 0 for fewer than n words.
   *
   * @param words of the response: words in lower case in the code, token ids do as well
   * @param n 1 or more
   * @param penalty where every n-gram is the same, in the limit; 0 or less
   * @throws InvalidArgumentException if n is less than 1, or the penalty more than 0 or not finite
   */
  public static double repetition(List<?> words, int n, double penalty) {
    if (n < 1 || !(penalty <= 0) || Double.isInfinite(penalty)) {
      throw new InvalidArgumentException(
          "penalty %s for repeated %d-grams; the penalty must be finite and 0 or less, n 1 or more"
              .formatted(penalty, n));
    }
    int all = words.size() - n + 1;
    if (all < 1) {
      return 0;
    }
    // A copy, whose parts are found at once whatever the list is.
    List<?> held = new ArrayList<>(words);
    Set<List<?>> distinct = new HashSet<>();
    IntStream.range(0, all).forEach(i -> distinct.add(held.subList(i, i + n)));
    return distinct.size() == all ? 0 : (1 - (double) distinct.size() / all) * penalty;
  }
}
