package dev.gavel.metric;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.InvalidArgumentException;
import org.junit.jupiter.api.function.Executable;

/** That something is refused with a message that names it. */
final class Refusals {
  private Refusals() {}

  static void refused(String word, Executable executable) {
    InvalidArgumentException refusal = assertThrows(InvalidArgumentException.class, executable);
    assertTrue(refusal.getMessage().contains(word), refusal.getMessage());
  }
}
