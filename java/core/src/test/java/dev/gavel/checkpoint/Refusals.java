package dev.gavel.checkpoint;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.GavelException;
import org.junit.jupiter.api.function.Executable;

/** Expects refusals by type and by what their messages say. */
final class Refusals {
  private Refusals() {}

  static void refuses(Class<? extends GavelException> type, Executable action, String... texts) {
    GavelException refused = assertThrows(type, action);
    for (String text : texts) {
      assertTrue(
          refused.getMessage().contains(text),
          () -> "expected '%s' in: %s".formatted(text, refused.getMessage()));
    }
  }
}
