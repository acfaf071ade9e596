package dev.gavel.message;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class CountedTest {
  @Test
  void oneIsSingular() {
    assertEquals("0 rows", Counted.of(0, "row"));
    assertEquals("1 row", Counted.of(1, "row"));
    assertEquals("2 token ids", Counted.of(2, "token id"));
    assertEquals("-1 rounds", Counted.of(-1, "round"));
  }
}
