package dev.gavel.checkpoint;

import dev.gavel.Activation;
import java.util.Map;

/**
 * Classification heads of encoders, read at the first token: Linear to H, an activation, Linear to
 * K. Dropout between them acts in training only.
 */
final class EncoderHeads {
  // Names transformers has for activations (ACT2FN).
  private static final Map<String, Activation> BY_NAME =
      Map.of(
          "gelu", Activation.GELU,
          "gelu_new", Activation.GELU_TANH,
          "gelu_pytorch_tanh", Activation.GELU_TANH,
          "relu", Activation.RELU,
          "selu", Activation.SELU,
          "silu", Activation.SILU,
          "swish", Activation.SILU,
          "tanh", Activation.TANH);

  private EncoderHeads() {}

  static Plan roberta(Facts facts) {
    return recipe(facts, HeadPattern.ROBERTA, "classifier.dense", "classifier.out_proj")
        .activation(Activation.TANH)
        .plan();
  }

  static Plan bert(Facts facts) {
    return recipe(facts, HeadPattern.BERT, "bert.pooler.dense", "classifier")
        .activation(Activation.TANH)
        .plan();
  }

  /** The pooler's activation is in the configuration, unlike BERT's. */
  static Plan deberta(Facts facts) {
    ModelJson config = facts.config();
    String expected = "one of " + BY_NAME.keySet().stream().sorted().toList();
    String name = config.require("pooler_hidden_act", config.text("pooler_hidden_act"), expected);
    Activation activation = BY_NAME.get(name);
    if (activation == null) {
      throw config.wrong("pooler_hidden_act", name, expected);
    }
    return recipe(facts, HeadPattern.DEBERTA, "pooler.dense", "classifier")
        .activation(activation)
        .plan();
  }

  private static Recipe recipe(Facts facts, HeadPattern pattern, String first, String second) {
    return new Recipe(facts, pattern)
        .layer(first, true)
        .layer(second, true)
        .square()
        .outputs(facts.labels().<Object>map(labels -> labels).orElse("K"))
        .reads(new ScoredRows.FirstToken());
  }
}
