package dev.gavel.cli.training;

import dev.gavel.Optimizer;
import dev.gavel.RewardHead;
import java.util.List;
import java.util.Optional;

/** Keeps the state of training after every epoch, so that it can go on. */
public interface EpochStore {
  /**
   * What was kept.
   *
   * @param epochs the epochs that are done; none where nothing was kept
   * @param best the head of the best of them, which the caller closes; empty without validation
   */
  record Saved(List<Epoch> epochs, Optional<RewardHead> best) {
    /** Nothing. */
    public static final Saved NOTHING = new Saved(List.of(), Optional.empty());

    /** Copies the list. */
    public Saved {
      epochs = List.copyOf(epochs);
    }
  }

  /** Takes the optimizer, and with it its head, to where they were kept. */
  Saved restore(Optimizer optimizer);

  /**
   * Keeps the state.
   *
   * @param best the head of the best epoch, where the last one is that; empty where it is not, or
   *     nothing is validated
   */
  void save(List<Epoch> epochs, Optimizer optimizer, Optional<RewardHead> best);

  /** Keeps nothing. */
  static EpochStore none() {
    return new EpochStore() {
      @Override
      public Saved restore(Optimizer optimizer) {
        return Saved.NOTHING;
      }

      @Override
      public void save(List<Epoch> epochs, Optimizer optimizer, Optional<RewardHead> best) {}
    };
  }
}
