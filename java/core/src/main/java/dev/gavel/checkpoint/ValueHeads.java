package dev.gavel.checkpoint;

import dev.gavel.Activation;
import dev.gavel.HeadSpec;
import dev.gavel.Pooling;
import dev.gavel.UnsupportedException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Heads of one score that value-head and reward-model classes of their own define. */
final class ValueHeads {
  private ValueHeads() {}

  /** One linear layer without a bias, read at the last token. */
  static Plan linear(Facts facts, HeadPattern pattern, String prefix) {
    return new Recipe(facts, pattern).layer(prefix, false).plan();
  }

  /** TRL's ValueHead: one linear layer with a bias. */
  static Plan summary(Facts facts, HeadPattern pattern) {
    Optional<String> type = facts.config().text("vhead_layer_type");
    if (type.isPresent() && !type.get().equals("linear")) {
      throw facts.config().wrong("vhead_layer_type", type.get(), "linear, as the tensors are");
    }
    return new Recipe(facts, pattern).layer("v_head.summary", true).plan();
  }

  /** GRM: as many hidden layers as there are tensors, with a ReLU after each. */
  static Plan grm(Facts facts) {
    ModelJson config = facts.config();
    Recipe recipe = new Recipe(facts, HeadPattern.GRM).activation(Activation.RELU);
    int layers = 0;
    while (layers <= HeadSpec.MOST_HIDDEN_LAYERS
        && facts.hasHead("v_head.summary." + 2 * layers + ".weight")) {
      recipe.layer("v_head.summary." + 2 * layers, true);
      layers++;
    }
    Optional<String> type = config.text("vhead_layer_type");
    if (type.isPresent() && !type.get().equals("mlp")) {
      throw config.wrong("vhead_layer_type", type.get(), "mlp, as the tensors are");
    }
    Plan plan = recipe.plan();
    requireEqual(config, "vhead_num_layers", layers - 1L);
    for (int width : plan.spec().hiddenWidths()) {
      requireEqual(config, "vhead_num_neurons", width);
    }
    return plan;
  }

  /** A linear layer read at a token of its own, which the user of the model appends. */
  static Plan internlm2(Facts facts) {
    ModelJson config = facts.config();
    long token = config.require("reward_token_id", config.integer("reward_token_id"), "a token id");
    return new Recipe(facts, HeadPattern.INTERNLM2_REWARD)
        .layer("v_head", false)
        .reads(new ScoredRows.AppendedToken(token))
        .plan();
  }

  /** OpenAssistant's GPT-NeoX: pooling mean or last. */
  static Plan outProj(Facts facts) {
    ModelJson config = facts.config();
    String pooling = config.require("pooling", config.text("pooling"), "mean or last");
    Recipe recipe = new Recipe(facts, HeadPattern.OUT_PROJ).layer("out_proj", true);
    return switch (pooling) {
      case "last" -> recipe.plan();
      case "mean" ->
          recipe.pooling(Pooling.spanMean()).reads(new ScoredRows.WholeSequence()).plan();
      default -> throw config.wrong("pooling", pooling, "mean or last");
    };
  }

  /**
   * YOJO (arXiv 2604.10966): its own configuration, a head in value_head.pt, and a factor 1/sqrt(H)
   * that its scripts do not record: the class applies it unless told otherwise, by {@code
   * scale_dot}, and the scripts never do. H is the width of the hidden states even where two of
   * them are concatenated.
   */
  static Plan yojo(Facts facts) {
    Path file = facts.toRead(CheckpointFiles.YOJO_CONFIG);
    ModelJson config = ModelJson.read(file, ModelJson.MOST_CONFIG_BYTES);
    String type =
        config.require("value_head_type", config.text("value_head_type"), "linear or mlp");
    boolean scaled = config.truth("scale_dot").orElse(true);
    Recipe recipe =
        new Recipe(facts, HeadPattern.YOJO)
            .scale(scaled ? (float) (1 / Math.sqrt((double) facts.hiddenWidth())) : 1)
            .pooling(yojoPooling(config))
            .reads(new ScoredRows.BetweenSeparators("<|resp_sep|>"));
    Plan plan =
        switch (type) {
          // The state dict of a torch.nn.Linear, and of a torch.nn.Sequential.
          case "linear" -> recipe.bare().plan();
          case "mlp" ->
              recipe.layer("0", true).layer("2", true).activation(yojoActivation(config)).plan();
          default -> throw config.wrong("value_head_type", type, "linear or mlp");
        };
    requireEqual(config, "value_head_input_dim", plan.spec().inputWidth());
    for (int width : plan.spec().hiddenWidths()) {
      requireEqual(config, "value_head_hidden_dim", width);
    }
    return plan;
  }

  private static Pooling yojoPooling(ModelJson config) {
    List<String> known =
        List.of(
            "last",
            "first",
            "first_last_concat",
            "first_last_add",
            "first_last_sub",
            "response_mean");
    String mode =
        config.require("resp_repr_mode", config.text("resp_repr_mode"), "one of " + known);
    return switch (mode) {
      case "last" -> Pooling.index();
      case "first_last_concat" -> Pooling.firstLast(Pooling.Combine.CONCAT);
      case "first_last_add" -> Pooling.firstLast(Pooling.Combine.ADD);
      case "first_last_sub" -> Pooling.firstLast(Pooling.Combine.SUB);
      case "response_mean" -> Pooling.spanMean();
      case "first" ->
          throw new UnsupportedException(
              "%s: has resp_repr_mode first, which needs a pooling of the first row; this build has no such word"
                  .formatted(config.file()));
      default -> throw config.wrong("resp_repr_mode", mode, "one of " + known);
    };
  }

  private static Activation yojoActivation(ModelJson config) {
    List<Activation> known =
        List.of(
            Activation.SELU, Activation.GELU, Activation.RELU, Activation.TANH, Activation.SILU);
    String expected = "one of selu, gelu, relu, tanh and silu";
    String name =
        config.require("value_head_activation", config.text("value_head_activation"), expected);
    return known.stream()
        .filter(activation -> activation.name().toLowerCase(Locale.ROOT).equals(name))
        .findFirst()
        .orElseThrow(() -> config.wrong("value_head_activation", name, expected));
  }

  /** Where the configuration tells a number, it must be the one that was found. */
  private static void requireEqual(ModelJson config, String key, long found) {
    Optional<Long> told = config.integer(key);
    if (told.isPresent() && told.get() != found) {
      throw config.wrong(key, told.get().toString(), "%d, as the tensors have".formatted(found));
    }
  }
}
