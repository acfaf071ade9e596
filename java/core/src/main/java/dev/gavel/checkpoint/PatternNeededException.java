package dev.gavel.checkpoint;

import dev.gavel.InvalidArgumentException;

/**
 * A folder of a language model has no head of its own, and which rows of its output layer score is
 * said by none of its files: a {@link HeadPattern} must be chosen.
 */
public final class PatternNeededException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  PatternNeededException(String message) {
    super(message);
  }
}
