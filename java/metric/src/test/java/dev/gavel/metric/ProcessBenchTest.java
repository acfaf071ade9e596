package dev.gavel.metric;

import static dev.gavel.metric.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessBenchTest {
  @Test
  void theFirstStepBelowTheThreshold() {
    assertEquals(1, ProcessBench.firstError(0.5, 0.9, 0.4, 0.1));
    assertEquals(ProcessBench.NO_ERROR, ProcessBench.firstError(0.5, 0.9, 0.5));
    assertEquals(ProcessBench.NO_ERROR, ProcessBench.firstError(0.5));
    refused("step 1", () -> ProcessBench.firstError(0.5, 0.1, Double.NaN));
    refused("threshold", () -> ProcessBench.firstError(1.5, 0.1));
  }

  @Test
  void f1ByHand() {
    ProcessBench result = ProcessBench.of(new int[] {0, 2, 1, -1, -1}, new int[] {0, 2, -1, -1, 3});
    assertEquals(new ProcessBench(new Proportion(2, 3), new Proportion(1, 2)), result);
    assertEquals(2 * (2 / 3.0) * 0.5 / (2 / 3.0 + 0.5), result.f1(), 1e-15);
  }

  @Test
  void emptyAndHopeless() {
    assertEquals(0, ProcessBench.of(new int[] {0, -1}, new int[] {1, 0}).f1());
    refused("without an error", () -> ProcessBench.of(new int[] {0}, new int[] {0}).f1());
    refused("with an error", () -> ProcessBench.of(new int[] {-1}, new int[] {0}).f1());
    refused("-2", () -> ProcessBench.of(new int[] {-2}, new int[] {0}));
    refused("1 labels and 2", () -> ProcessBench.of(new int[1], new int[2]));
  }

  @Test
  void theBestThresholdIsTheFirstBest() {
    int[] labels = {1, -1, 0};
    List<double[]> steps =
        List.of(new double[] {0.9, 0.3}, new double[] {0.7, 0.6}, new double[] {0.45, 0.9});
    // 0.4 finds one of two errors, 0.5 and 0.6 both, 0.65 spoils the correct one.
    double[] thresholds = {0.4, 0.5, 0.6, 0.65};
    assertEquals(0.5, ProcessBench.bestThreshold(thresholds, labels, steps));
    refused("no threshold", () -> ProcessBench.bestThreshold(new double[0], labels, steps));
  }
}
