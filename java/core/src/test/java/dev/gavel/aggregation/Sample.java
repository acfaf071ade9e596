package dev.gavel.aggregation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.function.Executable;

/** Random inputs and assertions of the tests here. */
final class Sample {
  static final double NOTHING = Double.NEGATIVE_INFINITY;

  private Sample() {}

  /** Scores with one digit after the point, so that ties happen. */
  static double[] scores(RandomGenerator random, int count) {
    double[] scores = new double[count];
    Arrays.setAll(scores, _ -> random.nextInt(-20, 21) / 10.0);
    return scores;
  }

  /** Scores that are all different, in random order. */
  static double[] distinct(RandomGenerator random, int count) {
    double[] scores = new double[count];
    Arrays.setAll(scores, i -> i + random.nextDouble() / 2);
    for (int i = count - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      double swapped = scores[i];
      scores[i] = scores[j];
      scores[j] = swapped;
    }
    return scores;
  }

  static void assertClose(double[] expected, double... actual) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 1e-12 * Math.max(1, Math.abs(expected[i])));
    }
  }

  static void refused(String word, Executable executable) {
    InvalidArgumentException refusal = assertThrows(InvalidArgumentException.class, executable);
    assertTrue(refusal.getMessage().contains(word), refusal.getMessage());
  }
}
