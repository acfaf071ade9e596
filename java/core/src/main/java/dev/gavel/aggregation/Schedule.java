package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;

/** A weight that changes over training: from 1 at the first step to 0 at the last. */
public enum Schedule {
  /** Always 1. */
  CONSTANT,
  /** 1 - t / T. */
  LINEAR,
  /**
   * (1 + cos(π t / T)) / 2: the shape of Datarus-R1's curriculum, whose numbers are not published.
   */
  COSINE;

  /**
   * Weight at a step.
   *
   * @param step t, 0 to steps
   * @param steps T, 1 or more
   * @throws InvalidArgumentException if there is no such step
   */
  public double at(long step, long steps) {
    if (steps < 1 || step < 0 || step > steps) {
      throw new InvalidArgumentException(
          "step %d of %d; it must be 0 to the number of steps, which is 1 or more"
              .formatted(step, steps));
    }
    double done = (double) step / steps;
    return switch (this) {
      case CONSTANT -> 1;
      case LINEAR -> 1 - done;
      case COSINE -> 0.5 * (1 + Math.cos(Math.PI * done));
    };
  }
}
