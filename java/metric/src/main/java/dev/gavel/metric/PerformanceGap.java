package dev.gavel.metric;

import java.util.OptionalDouble;

/**
 * How much of the way from a weak teacher to a strong ceiling a strong student goes (Weak-to-Strong
 * Generalization, arXiv 2312.09390).
 *
 * @param weak performance of the weak model, finite
 * @param weakToStrong of the strong model taught by the weak one, finite
 * @param ceiling of the strong model taught with true labels, finite
 */
public record PerformanceGap(double weak, double weakToStrong, double ceiling) {
  /** Checks the numbers. */
  public PerformanceGap {
    Checks.requireFinite("performance", weak, weakToStrong, ceiling);
  }

  /** PGR: (weak to strong - weak) / (ceiling - weak); empty where there is no gap. */
  public OptionalDouble recovered() {
    return ceiling == weak
        ? OptionalDouble.empty()
        : OptionalDouble.of((weakToStrong / 2 - weak / 2) / (ceiling / 2 - weak / 2));
  }
}
