package dev.gavel.cli.program;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.InvalidPathException;
import org.junit.jupiter.api.Test;

class FileNamesTest {
  @Test
  void whatALocaleCannotNameIsSaidWithTheRemedy() {
    InvalidPathException e = new InvalidPathException("é.jsonl", "Malformed input");
    assertEquals("é.jsonl is no path: Malformed input", FileNames.refusal(e, "UTF-8"));
    assertEquals(
        "é.jsonl is no path: Malformed input; in this locale names of files are ANSI_X3.4-1968: set LC_ALL=C.UTF-8",
        FileNames.refusal(e, "ANSI_X3.4-1968"));
  }
}
