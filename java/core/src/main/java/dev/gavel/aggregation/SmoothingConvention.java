package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;

/** What a number called label smoothing means in code that is followed. */
public enum SmoothingConvention {
  /**
   * The part of a target that goes to the wrong order: what {@link dev.gavel.BradleyTerry} takes.
   */
  WRONG_PART,
  /**
   * The part that stays with the right order, as the public trainer of MM-RLHF multiplies its
   * argument: its 0 trains the opposite of the labels.
   */
  RIGHT_PART;

  /**
   * The part of the wrong order.
   *
   * @param labelSmoothing as the code that is followed means it, 0 to 1
   * @throws InvalidArgumentException if it is not between 0 and 1
   */
  public double wrongPart(double labelSmoothing) {
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new InvalidArgumentException(
          "label smoothing is %s; it must be between 0 and 1".formatted(labelSmoothing));
    }
    return this == WRONG_PART ? labelSmoothing : 1 - labelSmoothing;
  }
}
