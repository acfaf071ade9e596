package dev.gavel.cli.training;

import dev.gavel.cli.training.data.VectorGroup;
import java.util.List;

/**
 * Rows that choose the epoch training ends with: neither learned from, nor held out for the result.
 *
 * @param groups the rows; none to end with the last epoch
 * @param patience epochs without a lower validation loss after which training stops; 0 for never
 */
public record Validation(List<VectorGroup> groups, int patience) {
  /** No validation. */
  public static final Validation NONE = new Validation(List.of(), 0);

  /** Copies the list. */
  public Validation {
    groups = List.copyOf(groups);
  }

  public boolean isOn() {
    return !groups.isEmpty();
  }

  /** The epoch with the lowest validation loss, the first of several; 0 where there is none. */
  public static int best(List<Epoch> epochs) {
    int best = 0;
    double lowest = Double.POSITIVE_INFINITY;
    for (Epoch epoch : epochs) {
      double loss = epoch.validation().map(Epoch.Validated::loss).orElse(Double.NaN);
      if (loss < lowest) {
        best = epoch.epoch();
        lowest = loss;
      }
    }
    return best;
  }

  /** Whether nothing better came for long enough. */
  boolean stops(List<Epoch> epochs) {
    return isOn() && patience > 0 && epochs.size() - best(epochs) >= patience;
  }
}
