package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import java.util.List;

/**
 * What lies behind numbers that a head makes of a distribution: how far it spreads around the mean
 * that is the score. A wide one says that the head is not sure.
 */
public sealed interface Spread {
  /** Nothing: the numbers are not made of distributions. */
  static Spread none() {
    return new None();
  }

  /** No spread. */
  record None() implements Spread {}

  /**
   * Of a mean of levels (EXPECTATION): sum of p_k (v_k - m)^2, m the mean.
   *
   * @param values one per response, in order
   */
  record Variance(List<Float> values) implements Spread {
    /** Copies the list. */
    public Variance {
      values = List.copyOf(values);
    }
  }

  /**
   * Of a mean of quantiles (QUANTILE_MEAN): the quantiles themselves, in the head's order.
   *
   * @param values a list per response, in order
   */
  record Quantiles(List<List<Float>> values) implements Spread {
    /** Copies the lists. */
    public Quantiles {
      values = values.stream().map(List::copyOf).toList();
    }
  }

  /** Whether all of its numbers are finite. */
  default boolean isFinite() {
    return switch (this) {
      case None() -> true;
      case Variance(List<Float> values) -> values.stream().allMatch(Float::isFinite);
      case Quantiles(List<List<Float>> values) ->
          values.stream().flatMap(List::stream).allMatch(Float::isFinite);
    };
  }

  /**
   * Checks that there is one entry for each response.
   *
   * @throws InvalidArgumentException if there is not
   */
  default void require(String what, int responses) {
    int count =
        switch (this) {
          case None() -> responses;
          case Variance(List<Float> values) -> values.size();
          case Quantiles(List<List<Float>> values) -> values.size();
        };
    if (count != responses) {
      throw new InvalidArgumentException(
          "%s has a spread for %d responses of %d; there must be one for each"
              .formatted(what, count, responses));
    }
  }
}
