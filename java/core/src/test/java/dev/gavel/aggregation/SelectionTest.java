package dev.gavel.aggregation;

import static dev.gavel.aggregation.Sample.NOTHING;
import static dev.gavel.aggregation.Sample.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SelectionTest {
  @Test
  void theBestAndItsTies() {
    double[] scores = {1, 3, NOTHING, 3, 2};
    assertEquals(OptionalInt.of(1), Selection.bestOfN(TieRule.FIRST, scores));
    assertEquals(OptionalInt.of(3), Selection.bestOfN(TieRule.LAST, scores));
    refused("[1, 3]", () -> Selection.bestOfN(TieRule.REFUSE, scores));
    assertEquals(OptionalInt.of(0), Selection.bestOfN(TieRule.REFUSE, 7));
    assertEquals(OptionalInt.of(0), Selection.bestOfN(TieRule.FIRST, -0.0, 0.0));
    assertEquals(OptionalInt.of(1), Selection.bestOfN(TieRule.LAST, -0.0, 0.0));
  }

  @Test
  void nobodyIsChosenFromNobody() {
    assertTrue(Selection.bestOfN(TieRule.FIRST).isEmpty());
    assertTrue(Selection.bestOfN(TieRule.REFUSE, NOTHING, NOTHING).isEmpty());
    assertEquals(List.of(), Selection.topK(3, NOTHING));
  }

  @Test
  void theTopKeepTheirOrder() {
    assertEquals(List.of(1, 3), Selection.topK(2, 1, 3, NOTHING, 3, 2));
    assertEquals(List.of(1, 3, 4, 0), Selection.topK(9, 1, 3, NOTHING, 3, 2));
    assertEquals(List.of(0, 1), Selection.topK(2, 0.0, -0.0, -1));
    assertEquals(List.of(0, 1), Selection.topK(2, -0.0, 0.0, -1));
    refused("top 0", () -> Selection.topK(0, 1));
  }

  @Test
  void notANumberIsRefused() {
    refused("NaN", () -> Selection.bestOfN(TieRule.FIRST, 1, Double.NaN));
    refused("Infinity", () -> Selection.topK(1, Double.POSITIVE_INFINITY));
  }

  @Test
  void topOfAllIsASortAndItsFirstIsTheBest() {
    SplittableRandom random = new SplittableRandom(2);
    for (int trial = 0; trial < 300; trial++) {
      double[] scores = Sample.scores(random, random.nextInt(1, 12));
      List<Integer> order = Selection.ranking(scores);
      assertEquals(scores.length, order.size());
      for (int i = 1; i < order.size(); i++) {
        double before = scores[order.get(i - 1)];
        double after = scores[order.get(i)];
        assertTrue(before > after || (before == after && order.get(i - 1) < order.get(i)));
      }
      assertEquals(order.getFirst(), Selection.bestOfN(TieRule.FIRST, scores).getAsInt());
    }
  }
}
