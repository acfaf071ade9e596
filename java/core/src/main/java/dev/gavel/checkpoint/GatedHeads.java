package dev.gavel.checkpoint;

import dev.gavel.UnsupportedException;
import dev.gavel.checkpoint.ExpectedTensors.Kind;

/**
 * Heads of several objectives mixed by a gate. They are recognised down to the last tensor and
 * refused: the vocabulary has their words, this build has not.
 */
final class GatedHeads {
  private GatedHeads() {}

  static Plan armorm(Facts facts) {
    long width = facts.hiddenWidth();
    Recipe recipe =
        new Recipe(facts, HeadPattern.ARMORM)
            .also("regression_layer.weight", Kind.NUMBERS, "K", width);
    mixing(recipe);
    for (int i = 0; facts.hasHead("gating.layers.%d.weight".formatted(i)); i++) {
      boolean last = !facts.hasHead("gating.layers.%d.weight".formatted(i + 1));
      recipe
          .also(
              "gating.layers.%d.weight".formatted(i),
              Kind.NUMBERS,
              last ? "K" : "F",
              i == 0 ? (Object) width : "F")
          .also("gating.layers.%d.bias".formatted(i), Kind.NUMBERS, last ? "K" : "F");
    }
    throw recipe.lacks("the readout GATED_SUM");
  }

  /** Linear, ReLU, BatchNorm1d three times, each Linear without a bias; then one with. */
  static Plan qrm(Facts facts) {
    long width = facts.hiddenWidth();
    Recipe recipe =
        new Recipe(facts, HeadPattern.QRM)
            .also("regression_layer.weight", Kind.NUMBERS, "Q", width);
    mixing(recipe);
    for (int i = 0; i < 9; i += 3) {
      recipe.also(
          "gating.layers.%d.weight".formatted(i), Kind.NUMBERS, "F", i == 0 ? (Object) width : "F");
      String norm = "gating.layers.%d.".formatted(i + 2);
      recipe
          .also(norm + "weight", Kind.NUMBERS, "F")
          .also(norm + "bias", Kind.NUMBERS, "F")
          .also(norm + "running_mean", Kind.NUMBERS, "F")
          .also(norm + "running_var", Kind.NUMBERS, "F")
          .also(norm + "num_batches_tracked", Kind.COUNT);
    }
    recipe
        .also("gating.layers.9.weight", Kind.NUMBERS, "K", "F")
        .also("gating.layers.9.bias", Kind.NUMBERS, "K");
    throw recipe.lacks("the readouts QUANTILE_MEAN and GATED_SUM");
  }

  private static void mixing(Recipe recipe) {
    recipe
        .also("reward_transform_matrix", Kind.NUMBERS, "K", "K")
        .also("gating.logit_scale", Kind.NUMBERS, 1);
  }

  /** Its two files are told by their names alone; nothing of them is read. */
  static UnsupportedException ldl(Facts facts) {
    return new UnsupportedException(
        "%s: the head is of the pattern '%s', which needs the readouts EXPECTATION and GATED_SUM; this build has no such word"
            .formatted(facts.folder(), HeadPattern.LDL.title()));
  }
}
