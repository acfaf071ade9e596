package dev.gavel.text.row;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.InvalidArgumentException;
import org.junit.jupiter.api.Test;

class RowErrorTest {
  @Test
  void whatWasFoundIsNotWhatToDo() {
    RowError steps =
        RowError.of(
            new InvalidArgumentException("the responses are texts, not steps; give lists of them"));
    assertEquals("responses", steps.field());
    assertEquals("the responses are texts, not steps", steps.found());
    assertEquals("the responses are texts, not steps; give lists of them", steps.message());
    RowError quoted =
        RowError.of(new InvalidArgumentException("response 2, 'a; b', has no tokens; give one"));
    assertEquals("responses[2]", quoted.field());
    assertEquals("response 2, 'a; b', has no tokens", quoted.found());
  }

  @Test
  void aSentenceNamesItsFieldOnce() {
    assertEquals("labels: give two", new RowError("labels", "1", "give two").sentence());
    assertEquals("labels are 1", new RowError("labels", "1", "labels are 1").sentence());
    String response = "response 2 has no tokens; give one";
    assertEquals(response, RowError.of(new InvalidArgumentException(response)).sentence());
    assertEquals("row: why", RowError.of(new InvalidArgumentException("why")).sentence());
  }

  @Test
  void theFieldIsThatOfTheRow() {
    for (String start : new String[] {"prompt", "the prompt"}) {
      assertEquals(
          "prompt", RowError.of(new InvalidArgumentException(start + " is empty")).field());
    }
    assertEquals("row", RowError.of(new InvalidArgumentException("something else")).field());
  }
}
