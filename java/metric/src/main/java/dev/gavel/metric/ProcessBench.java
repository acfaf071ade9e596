package dev.gavel.metric;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * ProcessBench (arXiv 2412.06559; QwenLM/ProcessBench {@code code/run_eval.py}): finding the first
 * wrong step of a solution, or that there is none.
 *
 * @param onErroneous solutions with an error whose first wrong step was named
 * @param onCorrect solutions without an error that were said to have none
 */
public record ProcessBench(Proportion onErroneous, Proportion onCorrect) {
  /** Label and prediction of a solution without an error. */
  public static final int NO_ERROR = -1;

  /**
   * The first step whose probability of being right is below the threshold.
   *
   * @param threshold 0 to 1; 0.5 is common
   * @param steps probabilities, 0 to 1
   * @return its number from 0, or {@link #NO_ERROR}
   */
  public static int firstError(double threshold, double... steps) {
    Checks.requireShare("threshold", threshold);
    int first = NO_ERROR;
    for (int i = steps.length - 1; i >= 0; i--) {
      if (!(steps[i] >= 0 && steps[i] <= 1)) {
        Checks.requireShare("probability of step " + i, steps[i]);
      }
      first = steps[i] < threshold ? i : first;
    }
    return first;
  }

  /**
   * Counts.
   *
   * @param labels first wrong step of every solution from 0, or {@link #NO_ERROR}
   * @param predictions of the same solutions
   * @throws InvalidArgumentException if there is not a prediction for each label, or a number is
   *     less than {@link #NO_ERROR}
   */
  public static ProcessBench of(int[] labels, int[] predictions) {
    Checks.requireSameLength("labels", labels.length, "predictions", predictions.length);
    long[] right = new long[2];
    long[] all = new long[2];
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] < NO_ERROR || predictions[i] < NO_ERROR) {
        throw new InvalidArgumentException(
            "label %d and prediction %d of solution %d; steps count from 0, and %d is no error"
                .formatted(labels[i], predictions[i], i, NO_ERROR));
      }
      int kind = labels[i] == NO_ERROR ? 1 : 0;
      all[kind]++;
      right[kind] += labels[i] == predictions[i] ? 1 : 0;
    }
    return new ProcessBench(new Proportion(right[0], all[0]), new Proportion(right[1], all[1]));
  }

  /**
   * The threshold with the highest F1, the first of equals (ImplicitPRM {@code
   * eval/processbench.py} tries 10 000 from 0 to 1). Chosen on the same solutions, so F1 at it is
   * too good.
   *
   * @param thresholds to try, one or more
   * @param labels as above
   * @param steps probabilities of every solution's steps
   */
  public static double bestThreshold(double[] thresholds, int[] labels, List<double[]> steps) {
    Checks.requireSome("threshold", thresholds.length);
    for (double threshold : thresholds) {
      Checks.requireShare("threshold", threshold);
    }
    Checks.requireSameLength("labels", labels.length, "solutions", steps.size());
    double[] sorted = Arrays.stream(thresholds).sorted().toArray();
    // Right answers at every threshold, as changes from the one before it: a solution's answer is
    // right from one threshold to another.
    long[][] change = new long[2][sorted.length + 1];
    long[] all = new long[2];
    int next = 0;
    for (double[] solution : steps) {
      int label = labels[next++];
      firstError(0, solution);
      if (label < NO_ERROR) {
        throw new InvalidArgumentException(
            "label %d of solution %d; steps count from 0, and %d is no error"
                .formatted(label, next - 1, NO_ERROR));
      }
      int kind = label == NO_ERROR ? 1 : 0;
      all[kind]++;
      int before = label == NO_ERROR ? solution.length : Math.min(label, solution.length);
      double most = Arrays.stream(solution, 0, before).min().orElse(1);
      int from =
          label == NO_ERROR
              ? 0
              : label < solution.length ? above(sorted, solution[label]) : sorted.length;
      int to = above(sorted, most);
      if (from < to) {
        change[kind][from]++;
        change[kind][to]--;
      }
    }
    Map<Double, Double> f1 = new HashMap<>();
    long[] right = new long[2];
    for (int t = 0; t < sorted.length; t++) {
      right[0] += change[0][t];
      right[1] += change[1][t];
      f1.put(
          sorted[t] + 0.0,
          new ProcessBench(new Proportion(right[0], all[0]), new Proportion(right[1], all[1]))
              .f1());
    }
    double best = thresholds[0];
    for (double threshold : thresholds) {
      best = f1.get(threshold + 0.0) > f1.get(best + 0.0) ? threshold : best;
    }
    return best;
  }

  /** How many thresholds are the value or less. */
  private static int above(double[] sorted, double value) {
    int from = 0;
    int to = sorted.length;
    while (from < to) {
      int middle = (from + to) >>> 1;
      if (sorted[middle] <= value) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  }

  /**
   * F1: the harmonic mean of both accuracies, 2 a b / (a + b); 0 where both are 0, for which the
   * reference divides by 0.
   *
   * @throws InvalidArgumentException if there are no solutions of one kind
   */
  public double f1() {
    Checks.requireSome("solution with an error", (int) onErroneous.of());
    Checks.requireSome("solution without an error", (int) onCorrect.of());
    double sum = onErroneous.value() + onCorrect.value();
    return sum == 0 ? 0 : 2 * onErroneous.value() * onCorrect.value() / sum;
  }
}
