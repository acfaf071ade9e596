package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Libraries that are not the right one are recognised before anything else is called. */
class AbiCheckTest {
  @TempDir Path folder;

  @Test
  void matchingLibraryPasses() throws IOException {
    assertDoesNotThrow(() -> verify(library("", "")));
  }

  @Test
  void someOtherLibrary() {
    assertRefused(
        "int other(void) { return 1; }",
        "is not a Gavel library: it has no function gavel_abi_version");
  }

  @Test
  void otherVersion() {
    assertRefused(
        library("ABI_VERSION", "int32_t gavel_abi_version(void) { return 77; }"),
        "has ABI version 77, these bindings need " + gavel_h.GAVEL_ABI_VERSION());
  }

  @Test
  void missingFunction() {
    assertRefused(library("gavel_scatter", ""), "has no function gavel_scatter");
  }

  @Test
  void otherStructSize() {
    String sizes =
        """
        int64_t gavel_struct_size(int32_t id) {
          return id == GAVEL_STRUCT_TENSOR ? 96 : real_size(id);
        }
        """;
    assertRefused(
        library("STRUCT_SIZE", sizes),
        "has 96 bytes in struct gavel_tensor, these bindings have "
            + gavel_tensor.layout().byteSize());
  }

  private void assertRefused(String text, String message) {
    AbiMismatchException e = assertThrows(AbiMismatchException.class, () -> verify(text));
    assertEquals(message, e.getMessage());
  }

  private void verify(String text) throws IOException, AbiMismatchException {
    Path library = Tools.sharedLibrary(folder, "fake", text);
    try (Arena arena = Arena.ofConfined()) {
      AbiCheck.verify(SymbolLookup.libraryLookup(library, arena));
    }
  }

  /**
   * A library with every function, except that {@code without} is left out and replaced by {@code
   * instead}.
   */
  private static String library(String without, String instead) {
    StringBuilder text = new StringBuilder("#include \"");
    text.append(Tools.include().resolve("gavel/gavel.h").toAbsolutePath()).append("\"\n");
    text.append("static int64_t real_size(int32_t id) { switch (id) {\n");
    AbiCheck.structs()
        .values()
        .forEach(layout -> {
          String name = layout.name().orElseThrow();
          text.append("case GAVEL_STRUCT_")
              .append(name.substring("gavel_".length()).toUpperCase(Locale.ROOT))
              .append(": return sizeof(")
              .append(name)
              .append(");\n");
        });
    text.append("default: return 0; } }\n");
    if (!without.equals("ABI_VERSION")) {
      text.append("int32_t gavel_abi_version(void) { return GAVEL_ABI_VERSION; }\n");
    }
    if (!without.equals("STRUCT_SIZE")) {
      text.append("int64_t gavel_struct_size(int32_t id) { return real_size(id); }\n");
    }
    text.append(instead).append('\n');
    for (String function : AbiCheck.functions()) {
      boolean defined =
          function.equals("gavel_abi_version") || function.equals("gavel_struct_size");
      if (!defined && !function.equals(without)) {
        // Never called here; the assembler's name avoids a clash with the header's prototype.
        text.append(
            "void stand_in_%s(void) __asm__(\"%s\"); void stand_in_%s(void) {}\n"
                .formatted(function, function, function));
      }
    }
    return text.toString();
  }
}
