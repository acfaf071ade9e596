package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class UseCountTest {
  @Test
  void whatIsInUseStaysOpen() {
    UseCount uses = new UseCount("model m");
    String refused =
        uses.during(() ->
            uses.during(() -> assertThrows(IllegalStateException.class, uses::close).getMessage()));
    assertEquals("model m is in use by 2 calls; close it when nothing uses it", refused);
    assertThrows(
        ArithmeticException.class,
        () ->
            uses.during(() -> {
              throw new ArithmeticException();
            }));
    assertTrue(uses.close());
    assertFalse(uses.close());
    IllegalStateException closed =
        assertThrows(IllegalStateException.class, () -> uses.during(() -> 1));
    assertEquals("model m is closed", closed.getMessage());
  }
}
