package dev.gavel.metric;

import static dev.gavel.metric.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Means of estimates and their intervals. */
class EstimateTest {
  private static Estimate.Weighted part(double weight, double value, double low, double high) {
    return new Estimate.Weighted(weight, new Estimate(value, new Interval(low, high)));
  }

  @Test
  void oneEstimateIsItsOwnMean() {
    Estimate share = Estimate.of(new Proportion(7, 9));
    Estimate mean = Estimate.weightedMean(List.of(new Estimate.Weighted(5, share)));
    assertEquals(share.value(), mean.value(), 1e-15);
    assertEquals(share.interval().low(), mean.interval().low(), 1e-15);
    assertEquals(share.interval().high(), mean.interval().high(), 1e-15);
  }

  @Test
  void endsAreRecoveredFromTheEndsOfTheParts() {
    // Shares 3/4 and 1/4: 0.75 * 0.5 + 0.25 * 0.9; below sqrt((.75 .2)^2 + (.25 .8)^2) = 0.25,
    // above
    // sqrt((.75 .4)^2 + (.25 .1)^2).
    Estimate mean = Estimate.weightedMean(List.of(part(6, 0.5, 0.3, 0.9), part(2, 0.9, 0.1, 1)));
    assertEquals(0.6, mean.value(), 1e-15);
    assertEquals(0.35, mean.interval().low(), 1e-15);
    assertEquals(0.6 + Math.sqrt(0.09 + 0.000625), mean.interval().high(), 1e-15);
  }

  @Test
  void whereEverythingIsRightThereIsStillAnInterval() {
    Estimate all = Estimate.of(new Proportion(20, 20));
    Estimate mean =
        Estimate.weightedMean(
            List.of(new Estimate.Weighted(1, all), new Estimate.Weighted(1, all)));
    assertEquals(1, mean.value(), 0);
    assertEquals(1, mean.interval().high(), 0);
    assertTrue(mean.interval().low() < 0.92 && mean.interval().low() > all.interval().low());
  }

  @Test
  void refusesWhatIsNoMean() {
    refused("no part", () -> Estimate.weightedMean(List.of()));
    refused("weight", () -> Estimate.weightedMean(List.of(part(0, 1, 1, 1))));
    refused("value", () -> Estimate.weightedMean(List.of(part(1, Double.NaN, 1, 1))));
  }
}
