package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gavel.bindings.ffi.gavel_error;
import dev.gavel.bindings.ffi.gavel_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What a native function wrote into the error struct, as an exception. */
class NativeErrorTest {
  private final NativeError error = new NativeError(Arena.ofAuto());

  @Test
  void startsWithItsSize() {
    assertEquals(gavel_error.layout().byteSize(), gavel_error.struct_size(error.address()));
  }

  @Test
  void successThrowsNothing() {
    assertDoesNotThrow(() -> error.check(gavel_h.GAVEL_OK()));
    assertEquals(7, error.checkCount(7));
    assertEquals(0, error.checkCount(0));
  }

  @Test
  void failureCarriesEverything() {
    fill(gavel_h.GAVEL_INVALID_ARGUMENT(), 12, "gavel_score", "width is 3, the head needs 4: é");
    NativeException e =
        assertThrows(NativeException.class, () -> error.check(gavel_h.GAVEL_INVALID_ARGUMENT()));
    assertEquals(gavel_h.GAVEL_INVALID_ARGUMENT(), e.status());
    assertEquals(12, e.vendorCode());
    assertEquals("gavel_score", e.operation());
    assertEquals("width is 3, the head needs 4: é", e.getMessage());
  }

  @Test
  void negativeCountIsAStatus() {
    fill(gavel_h.GAVEL_UNSUPPORTED(), 0, "gavel_head_parameter_count", "no");
    NativeException e =
        assertThrows(NativeException.class, () -> error.checkCount(gavel_h.GAVEL_UNSUPPORTED()));
    assertEquals(gavel_h.GAVEL_UNSUPPORTED(), e.status());
  }

  @Test
  void earlierTextIsNotShownAgain() {
    fill(gavel_h.GAVEL_INVALID_ARGUMENT(), 0, "gavel_score", "the first failure");
    assertThrows(NativeException.class, () -> error.check(gavel_h.GAVEL_INVALID_ARGUMENT()));
    NativeException second =
        assertThrows(NativeException.class, () -> error.check(gavel_h.GAVEL_INVALID_ARGUMENT()));
    assertEquals("failed with GAVEL_INVALID_ARGUMENT and no message", second.getMessage());
    assertEquals("", second.operation());
  }

  @Test
  void textWithoutItsEndStopsAtTheField() {
    fill(gavel_h.GAVEL_INTERNAL(), 0, "gavel_loss", "");
    gavel_error.message(error.address()).fill((byte) 'x');
    NativeException e =
        assertThrows(NativeException.class, () -> error.check(gavel_h.GAVEL_INTERNAL()));
    assertEquals("x".repeat(gavel_h.GAVEL_MESSAGE_CAPACITY()), e.getMessage());
  }

  private void fill(int status, int vendorCode, String operation, String message) {
    MemorySegment struct = error.address();
    gavel_error.status(struct, status);
    gavel_error.vendor_code(struct, vendorCode);
    put(gavel_error.operation(struct), operation);
    put(gavel_error.message(struct), message);
  }

  private static void put(MemorySegment field, String text) {
    field.fill((byte) 0);
    MemorySegment.copy(
        MemorySegment.ofArray(text.getBytes(StandardCharsets.UTF_8)),
        0,
        field,
        0,
        text.getBytes(StandardCharsets.UTF_8).length);
  }
}
