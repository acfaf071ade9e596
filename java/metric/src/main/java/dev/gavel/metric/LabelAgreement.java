package dev.gavel.metric;

import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * How often two judges give the same label, for instance the same model in two languages
 * (M-RewardBench, arXiv 2410.15522).
 *
 * @param same items with the same label
 * @param expected share of equal labels if each judge drew at random with its own frequencies
 */
public record LabelAgreement(Proportion same, double expected) {
  /**
   * Compares.
   *
   * @param one labels of one judge, compared by {@code equals}, one or more
   * @param other labels of the other for the same items
   */
  public static LabelAgreement of(List<?> one, List<?> other) {
    Checks.requireSameLength("labels", one.size(), "others", other.size());
    Checks.requireSome("label", one.size());
    Map<Object, Long> counts = new HashMap<>();
    Map<Object, Long> otherCounts = new HashMap<>();
    long same = 0;
    Iterator<?> others = other.iterator();
    for (Object label : one) {
      Object otherLabel = others.next();
      counts.merge(label, 1L, Long::sum);
      otherCounts.merge(otherLabel, 1L, Long::sum);
      same += label.equals(otherLabel) ? 1 : 0;
    }
    // Counted before it is divided, so that the order of the map does not show.
    long chance = 0;
    for (Map.Entry<Object, Long> entry : counts.entrySet()) {
      chance += entry.getValue() * otherCounts.getOrDefault(entry.getKey(), 0L);
    }
    double expected = (double) chance / ((long) one.size() * one.size());
    return new LabelAgreement(new Proportion(same, one.size()), expected);
  }

  /** Cohen's κ: (share - expected) / (1 - expected); empty where both always give one label. */
  public OptionalDouble kappa() {
    return expected >= 1
        ? OptionalDouble.empty()
        : OptionalDouble.of((same.value() - expected) / (1 - expected));
  }
}
