package dev.gavel.cli.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricTest {

  // Roots of (p - x)^2 = z^2 x (1 - x) / n, which define the interval: found by bisection.
  private static double root(double p, double n, double inside, double outside) {
    double z = 1.959963984540054;
    for (int i = 0; i < 200; i++) {
      double x = (inside + outside) / 2;
      if ((p - x) * (p - x) <= z * z * x * (1 - x) / n) {
        inside = x;
      } else {
        outside = x;
      }
    }
    return inside;
  }

  @Test
  void theIntervalSolvesWilsonsEquation() {
    for (long of : new long[] {1, 7, 237, 100_000}) {
      for (long count : new long[] {1, of / 3 + 1, of}) {
        Proportion share = new Proportion(count, of);
        double p = share.value();
        assertEquals(root(p, (double) of, p, 0), share.low(), 1e-9);
        assertEquals(root(p, (double) of, p, 1), share.high(), 1e-9);
      }
    }
    assertEquals("50.0 % (40.4 to 59.6)", new Proportion(50, 100).percent());
  }

  @Test
  void nothingIsNoProof() {
    Proportion none = new Proportion(0, 0);
    assertEquals(List.of(0.0, 0.0, 1.0), List.of(none.value(), none.low(), none.high()));
    assertEquals(0, new Proportion(0, 10).low());
    assertEquals(1, new Proportion(10, 10).high(), 1e-15);
  }

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

  @Test
  void theTallyCountsLengthInCodePoints() {
    Tally tally = new Tally();
    // Three UTF-16 units against four, but three code points against two.
    tally.add(List.of(1f, 2f), List.of(1.0, 0.0), List.of("abc", "😀😀"));
    assertEquals(0, tally.accuracy().count());
    assertEquals(1, tally.lengthAccuracy().count());
    tally.add(List.of(1f, 2f), List.of(1.0, 1.0), List.of("a", "b"));
    assertEquals(1, tally.accuracy().of());
    assertEquals(1, tally.withoutPreference());
  }

  @Test
  void partsFollowTheDocumentedHash() {
    // First 8 bytes of SHA-256("abc") are ba7816bf8f01cfea: as unsigned, mod 10000 is 74.
    assertEquals(74, Long.remainderUnsigned(0xba7816bf8f01cfeaL, 10_000));
    assertTrue(Part.TRAINING.has("abc", 0.0074));
    assertTrue(Part.EVALUATION.has("abc", 0.0075));
    assertTrue(Part.ALL.has("abc", 0.5));
    for (int i = 0; i < 100; i++) {
      String prompt = "prompt " + i;
      assertNotEquals(Part.TRAINING.has(prompt, 0.3), Part.EVALUATION.has(prompt, 0.3));
    }
  }

  @Test
  void foldsTellNothingOfParts() {
    int[] heldOut = new int[5];
    int[] all = new int[5];
    for (int i = 0; i < 20_000; i++) {
      String prompt = "prompt " + i;
      int fold = Part.fold(prompt, 5);
      all[fold]++;
      heldOut[fold] += Part.EVALUATION.has(prompt, 0.3) ? 1 : 0;
    }
    for (int fold = 0; fold < 5; fold++) {
      // Five standard deviations: sqrt(4000 * 0.3 * 0.7) is 29, sqrt(20000 * 0.2 * 0.8) is 57.
      assertEquals(0.3 * all[fold], heldOut[fold], 150);
      assertEquals(4000, all[fold], 290);
    }
  }

  @Test
  void ordersAreEvenAndDependOnTextsOnly() {
    int firstStays = 0;
    for (int i = 0; i < 2000; i++) {
      List<String> pair = List.of("better " + i, "worse " + i);
      List<Integer> order = Shuffle.responses(0, "p", pair);
      assertEquals(order, Shuffle.responses(0, "p", pair));
      firstStays += order.getFirst() == 0 ? 1 : 0;
    }
    // Five standard deviations of 2000 fair coins.
    assertEquals(1000, firstStays, 112);
    List<Integer> all = IntStream.range(0, 50).boxed().toList();
    List<Integer> drawn = new Shuffle(3).order(50);
    assertNotEquals(all, drawn);
    assertEquals(all, drawn.stream().sorted().toList());
  }
}
