package dev.gavel.checkpoint;

import dev.gavel.Activation;
import dev.gavel.Readout;
import java.util.List;

/** Heads called {@code score}: what transformers gives decoders for classification, and kin. */
final class ScoreHeads {
  // Files of these say nothing of the activation between the two layers; their published classes
  // have a ReLU. Another class with the same names may have another.
  private static final List<String> RELU =
      List.of("INFORMForSequenceClassification", "Qwen2ForRewardModel");

  private ScoreHeads() {}

  /** {@code score.weight} [K,H]: transformers has no bias there. */
  static Plan sequence(Facts facts) {
    return new Recipe(facts, HeadPattern.SCORE)
        .layer("score", false)
        .outputs(facts.labels().<Object>map(labels -> labels).orElse("K"))
        .reads(rows(facts))
        .plan();
  }

  /**
   * Classes of other names are their authors'. A negative id, as old configurations of Llama have
   * it, is that of no token.
   */
  private static ScoredRows rows(Facts facts) {
    return facts
        .config()
        .integer("pad_token_id")
        .filter(id -> id >= 0 && facts.isArchitecture("ForSequenceClassification"))
        .<ScoredRows>map(ScoredRows.LastNonPadding::new)
        .orElse(new ScoredRows.LastToken());
  }

  /** Linear, ReLU, Linear to one score. */
  static Plan mlp(Facts facts) {
    if (facts.config().texts("architectures").stream().noneMatch(RELU::contains)) {
      throw facts
          .config()
          .wrong(
              "architectures",
              facts.config().texts("architectures").toString(),
              "one of %s, or one that ends in ForProcessRewardModel: for others the activation of a two-layer score is not recorded"
                  .formatted(RELU));
    }
    return twoLayers(facts, HeadPattern.SCORE_MLP).plan();
  }

  /**
   * The same to two classes, read at every {@code <extra_0>}. P(right) = softmax(z)[1] = sigmoid(z1
   * - z0), so the two rows become one, their difference.
   */
  static Plan process(Facts facts) {
    return twoLayers(facts, HeadPattern.PROCESS_REWARD)
        .outputs(2)
        .difference(1, 0)
        .readout(Readout.sigmoid())
        .reads(new ScoredRows.EveryToken("<extra_0>"))
        .plan();
  }

  private static Recipe twoLayers(Facts facts, HeadPattern pattern) {
    return new Recipe(facts, pattern)
        .layer("score.0", true)
        .layer("score.2", true)
        .square()
        .activation(Activation.RELU);
  }

  /** One linear layer to two classes, read at the end of every step. */
  static Plan tokens(Facts facts) {
    return new Recipe(facts, HeadPattern.TOKEN_CLASSIFICATION)
        .layer("score", true)
        .outputs(2)
        .difference(1, 0)
        .readout(Readout.sigmoid())
        .reads(new ScoredRows.StepEnds())
        .plan();
  }
}
