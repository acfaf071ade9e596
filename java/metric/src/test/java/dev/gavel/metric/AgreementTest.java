package dev.gavel.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
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

  @Test
  void pairsBeyondTheRangeOfInt() {
    int half = 46_500;
    List<Float> scores = new ArrayList<>(Collections.nCopies(half, 1f));
    scores.addAll(Collections.nCopies(half, 0f));
    List<Double> labels = scores.stream().map(Double::valueOf).toList();
    long pairs = (long) half * half;
    assertEquals(new Agreement(true, false, 0.5, pairs, 0, pairs), of(scores, labels));
  }

  /** Against all pairs one by one; few values, so that there are ties. */
  @Test
  void countsAreThoseOfAllPairs() {
    SplittableRandom random = new SplittableRandom(19);
    float[] values = {Float.NEGATIVE_INFINITY, -1, -0f, 0, 2, Float.POSITIVE_INFINITY, Float.NaN};
    for (int trial = 0; trial < 500; trial++) {
      List<Float> scores = new ArrayList<>();
      List<Double> labels = new ArrayList<>(List.of(7.0));
      scores.add(1f);
      for (int i = random.nextInt(1, 12); i > 0; i--) {
        scores.add(values[random.nextInt(values.length)]);
        labels.add(random.nextInt(4) - 0.0 * random.nextInt(2));
      }
      long right = 0;
      long tied = 0;
      long pairs = 0;
      for (int i = 0; i < scores.size(); i++) {
        for (int j = 0; j < scores.size(); j++) {
          if ((double) labels.get(i) > labels.get(j)) {
            pairs++;
            right += (float) scores.get(i) > scores.get(j) ? 1 : 0;
            tied += (float) scores.get(i) == (float) scores.get(j) ? 1 : 0;
          }
        }
      }
      Agreement found = of(scores, labels);
      assertEquals(
          List.of(right, tied, pairs),
          List.of(found.pairsRight(), found.pairsTied(), found.pairs()));
    }
  }

  private static Agreement of(List<Float> scores, List<Double> labels) {
    return Agreement.of(scores, labels).orElseThrow();
  }
}
