package dev.gavel.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AgreementTest {
  @Test
  void aTieIsWrong() {
    List<Double> pair = List.of(1.0, 0.0);
    assertEquals(new Agreement(true, false, 0.5, 1, 0, 1), of(List.of(2f, 1f), pair));
    assertEquals(new Agreement(false, false, 0.5, 0, 0, 1), of(List.of(1f, 2f), pair));
    assertEquals(new Agreement(false, true, 0.5, 0, 1, 1), of(List.of(2f, 2f), pair));
  }

  @Test
  void notANumberIsNeverRight() {
    List<Double> pair = List.of(1.0, 0.0);
    assertEquals(new Agreement(false, false, 0.5, 0, 0, 1), of(List.of(Float.NaN, 1f), pair));
    assertEquals(new Agreement(false, false, 0.5, 0, 0, 1), of(List.of(1f, Float.NaN), pair));
  }

  @Test
  void severalMayBeBest() {
    // Responses 1 and 3 are liked best; of 4, two: chance 1/2. Pairs with different labels: 5.
    assertEquals(
        new Agreement(true, false, 0.5, 4, 1, 5),
        of(List.of(1f, 1f, 0f, 5f), List.of(1.0, 2.0, 0.0, 2.0)));
    assertEquals(Optional.empty(), Agreement.of(List.of(1f, 2f), List.of(3.0, 3.0)));
  }

  private static Agreement of(List<Float> scores, List<Double> labels) {
    return Agreement.of(scores, labels).orElseThrow();
  }
}
