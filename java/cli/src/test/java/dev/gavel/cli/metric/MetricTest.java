package dev.gavel.cli.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricTest {

  @Test
  void theTallyCountsLengthInCodePoints() {
    Tally tally = new Tally();
    // Three UTF-16 units against four, but three code points against two.
    tally.add(List.of(1f, 2f), group(List.of(1.0, 0.0), "abc", "😀😀"));
    assertEquals(0, tally.accuracy().count());
    assertEquals(1, tally.lengthAccuracy().count());
    tally.add(List.of(1f, 2f), group(List.of(1.0, 1.0), "a", "b"));
    assertEquals(1, tally.accuracy().of());
    assertEquals(1, tally.withoutPreference());
  }

  private static GroupFacts group(List<Double> labels, String... texts) {
    return new GroupFacts(
        PromptHash.of("p"), GroupFacts.lengths(List.of(texts)), Optional.empty(), labels);
  }

  /** A part is the decimal number that was written, whatever 10000 times its double rounds to. */
  @Test
  void partsAreExact() {
    for (int held = 1; held < 10_000; held++) {
      double part = held / 10_000.0;
      assertTrue(Part.TRAINING.has(inBucket(held), part), () -> "part " + part);
      assertTrue(Part.EVALUATION.has(inBucket(held - 1), part), () -> "part " + part);
    }
    assertTrue(Part.EVALUATION.has(inBucket(2), 0.00024));
    assertEquals("700", Part.buckets(0.07).stripTrailingZeros().toPlainString());
  }

  private static PromptHash inBucket(int bucket) {
    return new PromptHash("%016x".formatted(bucket) + "0".repeat(48));
  }

  @Test
  void partsFollowTheDocumentedHash() {
    // First 8 bytes of SHA-256("abc") are ba7816bf8f01cfea: as unsigned, mod 10000 is 74.
    assertEquals(74, Long.remainderUnsigned(0xba7816bf8f01cfeaL, 10_000));
    assertTrue(Part.TRAINING.has(PromptHash.of("abc"), 0.0074));
    assertTrue(Part.EVALUATION.has(PromptHash.of("abc"), 0.0075));
    assertTrue(Part.ALL.has(PromptHash.of("abc"), 0.5));
    for (int i = 0; i < 100; i++) {
      PromptHash prompt = PromptHash.of("prompt " + i);
      assertNotEquals(Part.TRAINING.has(prompt, 0.3), Part.EVALUATION.has(prompt, 0.3));
    }
  }

  @Test
  void foldsTellNothingOfParts() {
    int[] heldOut = new int[5];
    int[] all = new int[5];
    for (int i = 0; i < 20_000; i++) {
      PromptHash prompt = PromptHash.of("prompt " + i);
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
