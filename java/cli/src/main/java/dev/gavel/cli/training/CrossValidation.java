package dev.gavel.cli.training;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.RewardHead;
import dev.gavel.cli.metric.Part;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.training.data.TrainingVectors;
import dev.gavel.cli.training.data.VectorGroup;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * K-fold cross-validation: every row is scored by a head that was trained on the other folds. Folds
 * are of prompts, see {@link Part#fold}.
 */
public final class CrossValidation {
  private final Context context;
  private final TrainingVectors vectors;
  private final List<Layout> trained;
  private final int hiddenStateWidth;
  private final int folds;

  /**
   * A cross-validation.
   *
   * @param vectors of the training part only
   * @param trained layouts to learn from; scores are compared in every layout of the vectors
   * @param folds 2 or more
   */
  public CrossValidation(
      Context context,
      TrainingVectors vectors,
      List<Layout> trained,
      int hiddenStateWidth,
      int folds) {
    this.context = context;
    this.vectors = vectors;
    this.trained = List.copyOf(trained);
    this.hiddenStateWidth = hiddenStateWidth;
    this.folds = folds;
  }

  /** Agreement in every layout, all folds together. */
  public Map<Layout, Tally> run(Candidate candidate) {
    Map<Layout, Tally> tallies = new LinkedHashMap<>();
    vectors.layouts().forEach(layout -> tallies.put(layout, new Tally()));
    HeadSpec spec = candidate.spec(hiddenStateWidth);
    HeadTrainer trainer =
        new HeadTrainer(context, spec, candidate.head().initDeviation(), candidate.fit());
    for (int fold = 0; fold < folds; fold++) {
      int held = fold;
      List<VectorGroup> learned =
          vectors.toLearn(
              trained,
              candidate.head().pooling(),
              group -> Part.fold(group.prompt(), folds) != held);
      if (learned.isEmpty()) {
        throw new InvalidArgumentException(
            "--folds %d: the prompts of all rows to learn from are in one fold, so that a head has none to learn from; take more folds, or more prompts"
                .formatted(folds));
      }
      try (RewardHead head = trainer.train(learned, Validation.NONE, EpochStore.none()).head()) {
        tallies.forEach((layout, tally) -> score(head, candidate, layout, held, tally));
      }
    }
    return tallies;
  }

  private void score(RewardHead head, Candidate candidate, Layout layout, int fold, Tally tally) {
    List<VectorGroup> left =
        vectors.of(
            layout, candidate.head().pooling(), group -> Part.fold(group.prompt(), folds) == fold);
    addAll(tally, left, HeadTrainer.score(head, candidate.fit().loss().readout(), left));
  }

  /** Adds groups with their scores to a tally. */
  public static void addAll(Tally tally, List<VectorGroup> groups, List<List<Float>> scores) {
    for (int i = 0; i < groups.size(); i++) {
      tally.add(scores.get(i), groups.get(i).facts());
    }
  }
}
