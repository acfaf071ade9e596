package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;

/**
 * Losses of both families against their formulas in double precision, for any mixture of settings.
 */
class LossTest {
  private final List<AutoCloseable> open = new ArrayList<>();

  @BeforeProperty
  void noLeaks() {
    assertEquals(0, dev.gavel.bindings.NativeHandle.liveCount());
  }

  @AfterProperty
  void closeAll() throws Exception {
    for (AutoCloseable one : open) {
      one.close();
    }
    assertEquals(0, dev.gavel.bindings.NativeHandle.liveCount());
  }

  @Property
  void bradleyTerryIsItsFormula(
      @ForAll long seed,
      @ForAll @IntRange(min = 2, max = 30) int scores,
      @ForAll @IntRange(min = 1, max = 40) int pairs,
      @ForAll @DoubleRange(min = 0, max = 40) double spread,
      @ForAll Reduction reduction) {
    try (Context context = Context.open();
        LossSample sample = new LossSample(seed, scores, spread)) {
      check(context, sample, sample.bradleyTerry(pairs, reduction));
    }
  }

  @Property
  void crossEntropyIsItsFormula(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 50) int scores,
      @ForAll @DoubleRange(min = 0, max = 40) double spread,
      @ForAll boolean soft,
      @ForAll boolean masked,
      @ForAll Reduction reduction) {
    try (Context context = Context.open();
        LossSample sample = new LossSample(seed, scores, spread)) {
      check(context, sample, sample.crossEntropy(soft, masked, reduction));
    }
  }

  /** For groups of two the two losses are one. */
  @Property
  void crossEntropyOfTwoIsBradleyTerry(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 20) int groups) {
    long[] offsets = new long[groups + 1];
    long[] pairs = new long[2 * groups];
    for (int g = 0; g < groups; g++) {
      offsets[g + 1] = 2L * g + 2;
      pairs[2 * g] = 2L * g;
      pairs[2 * g + 1] = 2L * g + 1;
    }
    try (Context context = Context.open();
        LossSample sample = new LossSample(seed, 2 * groups, 3);
        LossResult one = LossResult.allocate(2 * groups, groups);
        LossResult other = LossResult.allocate(2 * groups, groups)) {
      Loss.bradleyTerry(sample.keep(HostTensor.of(pairs, groups, 2)))
          .evaluate(context, sample.scores, one);
      Loss.crossEntropy(
              sample.keep(HostTensor.of(offsets, groups + 1L)),
              CrossEntropy.Target.index(sample.keep(HostTensor.of(new long[groups], groups))))
          .evaluate(context, sample.scores, other);
      assertEquals(one.value(), other.value(), 4 * Math.ulp(one.value()));
      for (int n = 0; n < 2 * groups; n++) {
        assertEquals(one.gradient(n), other.gradient(n), 4e-7 / groups);
      }
    }
  }

  /** Gradients without centering sum to 0, and no score gap is too large. */
  @Property
  void gapsOfAnySizeGiveFiniteLosses(@ForAll @DoubleRange(min = -1e4, max = 1e4) double gap) {
    try (Context context = Context.open();
        HostTensor scores = HostTensor.of(new float[] {(float) gap, 0}, 2);
        HostTensor pairs = HostTensor.of(new long[] {0, 1}, 1, 2);
        LossResult result = LossResult.allocate(2, 1)) {
      Loss.bradleyTerry(pairs).evaluate(context, scores, result);
      float exact = (float) ReferenceMath.softplus(-(float) gap);
      assertEquals(exact, result.value(), 2 * Math.ulp(exact) + 0x1p-126f);
      assertEquals(0, result.gradient(0) + result.gradient(1));
      assertTrue(Math.abs(result.gradient(0)) <= 1);
    }
  }

  /** A call inside score gives the same bits as the loss of the scores it returned. */
  @Property(tries = 100)
  void theFusedLossIsTheLoss(@ForAll long seed, @ForAll boolean groups) {
    HeadSpec spec = HeadSpec.linear(16).build();
    try (Context context = Context.open();
        HeadSample head = new HeadSample(spec, Pooling.index(), Readout.identity(), 20, seed);
        RewardHead reward = head.head(context);
        LossSample sample = new LossSample(seed, 20, 1);
        ScoreBatch scores = ScoreBatch.allocate(spec, 20);
        LossResult fused = LossResult.allocate(20, 40);
        LossResult alone = LossResult.allocate(20, 40)) {
      Loss loss =
          groups
              ? sample.crossEntropy(true, true, Reduction.MEAN_VALID)
              : sample.bradleyTerry(9, Reduction.WEIGHTED_MEAN);
      reward.score(head.batch, head.pooling, head.readout, scores, loss, fused);
      try (HostTensor copy = HostTensor.of(scores.toArray(), 20)) {
        loss.evaluate(context, copy, alone);
      }
      assertEquals(alone.value(), fused.value());
      assertArrayEquals(alone.gradient().toFloats(), fused.gradient().toFloats());
      assertEquals(alone.validItems(), fused.validItems());
      assertEquals(alone.skippedItems(), fused.skippedItems());
    }
  }

  /**
   * Whatever the tensors' shapes and the numbers in them are: a result or a refusal, and never
   * another exception.
   */
  @Property
  void anyTensorsAreTakenOrRefused(
      @ForAll long seed,
      @ForAll @IntRange(max = 4) int scores,
      @ForAll @IntRange(max = 4) int items,
      @ForAll @IntRange(max = 5) int other) {
    LossSample numbers = new LossSample(seed, 8, 1e20);
    open.add(numbers);
    java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
    try (Context context = Context.open();
        HostTensor values = HostTensor.allocate(DType.F32, scores);
        HostTensor pairs = HostTensor.allocate(DType.I64, items, 2);
        HostTensor offsets = HostTensor.allocate(DType.I64, items + 1L);
        HostTensor wrong = HostTensor.allocate(DType.F32, other);
        HostTensor mask = HostTensor.allocate(DType.U8, other);
        LossResult result = LossResult.allocate(8, 8)) {
      for (HostTensor tensor : List.of(pairs, offsets)) {
        for (long i = 0; i < tensor.elementCount(); i++) {
          tensor.setLong(i, random.nextInt(8) == 0 ? random.nextLong() : random.nextInt(-1, 6));
        }
      }
      for (HostTensor tensor : List.of(values, wrong)) {
        for (long i = 0; i < tensor.elementCount(); i++) {
          tensor.setFloat(i, Float.intBitsToFloat(random.nextInt()));
        }
      }
      List<Loss> losses =
          List.of(
              Loss.bradleyTerry(pairs).withMask(mask).withBeta(Amount.each(wrong)),
              Loss.bradleyTerry(pairs),
              Loss.bradleyTerry(pairs).withTies(mask, Amount.each(wrong)),
              Loss.crossEntropy(offsets, CrossEntropy.Target.soft(wrong)),
              Loss.crossEntropy(offsets, CrossEntropy.Target.soft(values)).withMask(mask),
              Loss.crossEntropy(offsets, CrossEntropy.Target.index(offsets))
                  .withTemperature(Amount.each(wrong)));
      for (Loss loss : losses) {
        try {
          loss.evaluate(context, values, result);
          assertEquals(loss.items(), result.validItems() + result.skippedItems());
        } catch (InvalidArgumentException refused) {
          assertTrue(refused.getMessage().length() > 20, refused.getMessage());
          assertThrows(IllegalStateException.class, result::value);
        }
      }
    }
  }

  private static void check(Context context, LossSample sample, Loss loss) {
    double[] scores = HeadSample.flat(sample.scores);
    ReferenceLoss exact = ReferenceLoss.of(loss, scores, sample.valid);
    int items = (int) loss.items();
    try (LossResult result = LossResult.allocate(sample.count(), Math.max(items, 1))) {
      loss.evaluate(context, sample.scores, result);
      // A few f32 operations each on numbers of these sizes.
      double unit = 16 * Errors.F32;
      for (int i = 0; i < items; i++) {
        assertEquals(exact.items[i], result.item(i), unit * exact.itemSizes[i], "item " + i);
      }
      assertEquals(exact.valid, result.validItems());
      assertEquals(items - exact.valid, result.skippedItems());
      if (loss.reduction() == Reduction.NONE) {
        assertThrows(IllegalStateException.class, result::value);
      } else {
        assertEquals(exact.value, result.value(), unit * exact.valueSize);
      }
      for (int n = 0; n < sample.count(); n++) {
        assertEquals(
            exact.gradient[n],
            result.gradient(n),
            unit * exact.gradientSizes[n],
            "gradient of score " + n);
      }
    }
  }
}
