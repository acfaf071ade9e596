package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The losses besides Bradley-Terry and cross-entropy, each against its formula written out in
 * double precision, its gradient against central differences of that formula. How exact the kernels
 * are is proven beside them, in C++; here every number and tensor must reach its place.
 */
class LossVocabularyTest {
  private static final double STEP = 1e-5;
  private static final float NONE = Float.NaN;

  private final List<HostTensor> tensors = new ArrayList<>();
  private final Random random = new Random(20260401);

  @BeforeEach
  void nothingIsOpen() {
    assertEquals(0, dev.gavel.bindings.NativeHandle.liveCount());
  }

  @AfterEach
  void closeAll() {
    tensors.forEach(HostTensor::close);
    assertEquals(0, dev.gavel.bindings.NativeHandle.liveCount());
  }

  @Test
  void plackettLuce() {
    float[] scores = scores(7);
    PlackettLuce loss =
        Loss.plackettLuce(longs(0, 3, 7), longs(2, 9, 1, 4, 1, 3, 2))
            .withTopK(2)
            .withWeight(Amount.each(floats(0.5f, 2)))
            .withTemperature(Amount.of(1.5f))
            .withMask(mask(true, true, true, true, true, false, true))
            .withReduction(Reduction.SUM);
    int[][] orders = {{2, 0, 1}, {4, 6, 3}};
    double[] weights = {0.5, 2};
    check(
        loss,
        scores,
        s -> {
          double sum = 0;
          for (int g = 0; g < 2; g++) {
            for (int k = 0; k < 2; k++) {
              double all = 0;
              for (int j = k; j < orders[g].length; j++) {
                all += Math.exp(s[orders[g][j]] / 1.5);
              }
              sum += weights[g] * (Math.log(all) - s[orders[g][k]] / 1.5);
            }
          }
          return sum;
        });
  }

  @Test
  void pairwiseRanking() {
    float[] scores = scores(5);
    PairwiseRanking loss =
        Loss.pairwiseRanking(longs(0, 4, 5), longs(1, 2, 2, 3, 1))
            .withBeta(Amount.of(0.7f))
            .withWeight(Amount.of(3));
    int[][] pairs = {{0, 1}, {0, 2}, {0, 3}, {1, 3}, {2, 3}};
    check(
        loss,
        scores,
        s -> {
          double sum = 0;
          for (int[] pair : pairs) {
            sum += ReferenceMath.softplus(-0.7f * (s[pair[0]] - s[pair[1]]));
          }
          return 3 * sum / pairs.length;
        });
  }

  @Test
  void stepRanking() {
    float[] scores = scores(5);
    StepRanking loss =
        Loss.stepRanking(longs(0, 5), bytes(true, false, true, true, false), Amount.of(4));
    check(
        loss,
        scores,
        s -> {
          double set = 1 + Math.exp(s[1] + 4) + Math.exp(s[4] + 4);
          double sum = Math.log(set);
          for (int step : new int[] {0, 2, 3}) {
            set += Math.exp(s[step]);
            sum += Math.log(set) - s[step];
          }
          return sum / 4;
        });
  }

  @Test
  void mse() {
    float[] scores = scores(4);
    check(
        Loss.mse(floats(1, NONE, -2, 0.5f)).withWeight(Amount.each(floats(1, 9, 2, 0.5f))),
        scores,
        s ->
            (Math.pow(s[0] - 1, 2) + 2 * Math.pow(s[2] + 2, 2) + 0.5 * Math.pow(s[3] - 0.5, 2))
                / 3);
  }

  @Test
  void bce() {
    float[] scores = scores(3);
    check(
        Loss.bce(floats(1, 0, 0.25f)).withPositiveWeight(Amount.of(2)),
        scores,
        s ->
            (2 * ReferenceMath.softplus(-s[0])
                    + ReferenceMath.softplus(s[1])
                    + 0.5 * ReferenceMath.softplus(-s[2])
                    + 0.75 * ReferenceMath.softplus(s[2]))
                / 3);
  }

  @Test
  void pinball() {
    check(
        Loss.pinball(floats(10, -10, 10), Amount.each(floats(0.9f, 0.9f, 0.25f)))
            .withMask(mask(true, true, true))
            .withReduction(Reduction.SUM),
        scores(3),
        s -> 0.9f * (10 - s[0]) + (1 - 0.9f) * (s[1] + 10) + 0.25 * (10 - s[2]));
  }

  @Test
  void ordinal() {
    float[] scores = scores(9);
    double[][] triangle = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}};
    double[][] other = {{0.5, 0, 0}, {1, 0, 2}, {0, 1, 0}};
    Ordinal strict = Loss.ordinal(tensor(HostTensor.of(new long[] {2, 0, 1, 2}, 2, 2)), 3);
    check(strict, scores, s -> (ordinal(triangle, s, 2, 0) + ordinal(triangle, s, 1, 2)) / 2);
    check(
        strict.withAdmissible(
            tensor(HostTensor.of(new float[] {0.5f, 0, 0, 1, 0, 2, 0, 1, 0}, 3, 3))),
        scores,
        s -> (ordinal(other, s, 2, 0) + ordinal(other, s, 1, 2)) / 2);
  }

  private static double ordinal(double[][] admissible, double[] s, int chosen, int rejected) {
    double all = 0;
    double chosenSum = 0;
    double rejectedSum = 0;
    for (int a = 0; a < 3; a++) {
      chosenSum += Math.exp(s[3 * chosen + a]);
      rejectedSum += Math.exp(s[3 * rejected + a]);
      for (int b = 0; b < 3; b++) {
        all += admissible[a][b] * Math.exp(s[3 * chosen + a] + s[3 * rejected + b]);
      }
    }
    return -Math.log(all / chosenSum / rejectedSum);
  }

  /** One arguments struct serves one loss after the other: nothing of the last one may stay. */
  @Test
  void lossesFollowOneAnother() {
    try (Context context = Context.open();
        LossResult result = LossResult.allocate(4, 4)) {
      HostTensor scores = floats(1, 2, 3, 4);
      HostTensor offsets = longs(0, 2, 4);
      HostTensor pairs = tensor(HostTensor.of(new long[] {0, 1, 2, 3}, 2, 2));
      List<Loss> losses =
          List.of(
              Loss.bradleyTerry(pairs).withTies(bytes(true, false), Amount.of(1)),
              Loss.plackettLuce(offsets, longs(1, 2, 1, 2)).withTopK(1),
              Loss.bce(floats(0, 1, 0, 1)),
              Loss.ordinal(pairs, 2).withAdmissible(tensor(HostTensor.of(new float[4], 2, 2))),
              Loss.stepRanking(offsets, bytes(true, false, true, true), Amount.of(4)),
              Loss.pinball(floats(0, 1, 0, 1), Amount.of(0.5f)),
              Loss.crossEntropy(offsets, CrossEntropy.Target.index(longs(0, 1))),
              Loss.pairwiseRanking(offsets, longs(1, 2, 1, 2)),
              Loss.mse(floats(0, 1, 0, 1)));
      for (Loss first : losses) {
        for (Loss second : losses) {
          for (Loss loss : List.of(first, second)) {
            if (loss instanceof Ordinal) {
              // 4 scores are two rows of two: pair 1 names rows that are not there.
              String message =
                  assertThrows(
                          InvalidArgumentException.class,
                          () -> loss.evaluate(context, scores, result))
                      .getMessage();
              assertTrue(message.contains("loss.admissible"), message);
            } else {
              loss.evaluate(context, scores, result);
              assertTrue(Float.isFinite(result.value()), loss.toString());
            }
          }
        }
      }
    }
  }

  @Test
  void refusals() {
    HostTensor offsets = longs(0, 2);
    refused("topK is -1", () -> Loss.plackettLuce(offsets, longs(1, 2)).withTopK(-1));
    refused("quantile is 1.0", () -> Loss.pinball(floats(1), Amount.of(1)));
    refused("classes is 1", () -> Loss.ordinal(tensor(HostTensor.of(new long[2], 1, 2)), 1));
    refused("ranks are f32[2]", () -> Loss.plackettLuce(offsets, floats(1, 2)));
    try (Context context = Context.open();
        LossResult result = LossResult.allocate(2, 1)) {
      refused(
          "both have rank 5",
          () -> Loss.plackettLuce(offsets, longs(5, 5)).evaluate(context, floats(1, 2), result));
    }
  }

  /** A target that is none, and a label where nothing is valid, of every loss that has one. */
  @Test
  void targetsThatAreNoneAreRefusedOrMasked() {
    HostTensor offsets = longs(0, 2);
    HostTensor three = longs(0, 3);
    HostTensor masked = mask(true, true, false);
    try (Context context = Context.open();
        LossResult result = LossResult.allocate(3, 2)) {
      for (float wrong : new float[] {NONE, Float.POSITIVE_INFINITY}) {
        for (Loss loss :
            List.<Loss>of(
                Loss.mse(floats(0, wrong)),
                Loss.bce(floats(0, wrong)),
                Loss.pinball(floats(0, wrong), Amount.of(0.5f)))) {
          if (Float.isNaN(wrong)) {
            // Documented: NaN says that there is no label.
            loss.evaluate(context, floats(1, 2), result);
            assertEquals(1, result.validItems(), loss.toString());
            assertEquals(0, result.gradient(1));
          } else {
            refused("targets[1]", () -> loss.evaluate(context, floats(1, 2), result));
          }
        }
        Loss soft = Loss.crossEntropy(offsets, CrossEntropy.Target.soft(floats(1, wrong)));
        refused("target_weights[1]", () -> soft.evaluate(context, floats(1, 2), result));
      }
      for (CrossEntropy.Target target :
          List.of(CrossEntropy.Target.index(longs(2)), CrossEntropy.Target.soft(floats(0, 0, 1)))) {
        Loss loss = Loss.crossEntropy(three, target).withMask(masked);
        refused("which is masked", () -> loss.evaluate(context, floats(1, 2, 3), result));
      }
    }
  }

  /** A group without a score is skipped, and moves nothing; ranks with holes are an order. */
  @Test
  void emptyGroupsAreSkippedAndHolesMeanNothing() {
    HostTensor offsets = longs(0, 0, 3, 3);
    HostTensor scores = floats(0.5f, -1, 2);
    try (Context context = Context.open();
        LossResult result = LossResult.allocate(3, 3);
        LossResult whole = LossResult.allocate(3, 1)) {
      List<Loss> losses =
          List.of(
              Loss.crossEntropy(offsets, CrossEntropy.Target.soft(floats(0, 1, 0))),
              Loss.plackettLuce(offsets, longs(20, 7, 1000)),
              Loss.pairwiseRanking(offsets, longs(20, 7, 1000)));
      List<Loss> expected =
          List.of(
              Loss.crossEntropy(longs(0, 3), CrossEntropy.Target.soft(floats(0, 1, 0))),
              Loss.plackettLuce(longs(0, 3), longs(2, 1, 3)),
              Loss.pairwiseRanking(longs(0, 3), longs(2, 1, 3)));
      for (int i = 0; i < losses.size(); i++) {
        losses.get(i).evaluate(context, scores, result);
        expected.get(i).evaluate(context, scores, whole);
        assertEquals(whole.value(), result.value(), losses.get(i).toString());
        assertEquals(2, result.skippedItems());
        assertEquals(0, result.item(0));
        assertEquals(0, result.item(2));
        for (int n = 0; n < 3; n++) {
          assertEquals(whole.gradient(n), result.gradient(n));
        }
      }
    }
  }

  private static void refused(String text, Runnable call) {
    String message = assertThrows(InvalidArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(text), message);
  }

  private void check(Loss loss, float[] scores, ToDoubleFunction<double[]> formula) {
    double[] s = new double[scores.length];
    for (int n = 0; n < s.length; n++) {
      s[n] = scores[n];
    }
    try (Context context = Context.open();
        LossResult result = LossResult.allocate(scores.length, (int) loss.items())) {
      loss.evaluate(context, floats(scores), result);
      assertEquals(formula.applyAsDouble(s), result.value(), 1e-5);
      for (int n = 0; n < s.length; n++) {
        double middle = s[n];
        s[n] = middle + STEP;
        double above = formula.applyAsDouble(s);
        s[n] = middle - STEP;
        double below = formula.applyAsDouble(s);
        s[n] = middle;
        assertEquals((above - below) / (2 * STEP), result.gradient(n), 1e-5, "gradient " + n);
      }
    }
  }

  private float[] scores(int count) {
    float[] values = new float[count];
    for (int n = 0; n < count; n++) {
      values[n] = (float) random.nextGaussian();
    }
    return values;
  }

  private HostTensor tensor(HostTensor made) {
    tensors.add(made);
    return made;
  }

  private HostTensor floats(float... values) {
    return tensor(HostTensor.of(values, values.length));
  }

  private HostTensor longs(long... values) {
    return tensor(HostTensor.of(values, values.length));
  }

  private HostTensor bytes(boolean... values) {
    return tensor(HostTensor.of(values));
  }

  private HostTensor mask(boolean... values) {
    return bytes(values);
  }
}
