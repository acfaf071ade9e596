package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;

import dev.gavel.Activation;
import dev.gavel.Pooling;
import java.util.List;

/** The heads of arXiv 2604.10966, as its training and merging scripts write them. */
final class PublishedYojo {
  private PublishedYojo() {}

  static void yojo(List<PublishedModel> models) {
    models.add(
        yojo("YOJO, released form", "mlp", "silu", "last", Pooling.index(), 0, Activation.SILU));
    models.add(
        yojo(
            "YOJO, concatenated, hidden width of its own",
            "mlp",
            "tanh",
            "first_last_concat",
            Pooling.firstLast(Pooling.Combine.CONCAT),
            WIDTH,
            Activation.TANH));
    models.add(
        yojo(
            "YOJO, linear, mean",
            "linear",
            "selu",
            "response_mean",
            Pooling.spanMean(),
            0,
            Activation.IDENTITY));
    models.add(
        yojo(
            "YOJO, linear, last minus first",
            "linear",
            "selu",
            "first_last_sub",
            Pooling.firstLast(Pooling.Combine.SUB),
            0,
            Activation.IDENTITY));
    models.add(
        yojo(
            "YOJO, linear, first plus last",
            "linear",
            "selu",
            "first_last_add",
            Pooling.firstLast(Pooling.Combine.ADD),
            0,
            Activation.IDENTITY));
  }

  static void yojoThatSaysItsScale(List<PublishedModel> models) {
    for (String scaled : List.of("true", "false")) {
      models.add(
          yojo(
              "YOJO, scale_dot " + scaled,
              "linear",
              "selu",
              "last",
              Pooling.index(),
              0,
              Activation.IDENTITY,
              ", \"scale_dot\": " + scaled));
    }
  }

  private static PublishedModel yojo(
      String name,
      String type,
      String activation,
      String mode,
      Pooling pooling,
      int more,
      Activation function) {
    return yojo(name, type, activation, mode, pooling, more, function, "");
  }

  /** The same with the switch of the factor, which the class has and its scripts do not write. */
  private static PublishedModel yojo(
      String name,
      String type,
      String activation,
      String mode,
      Pooling pooling,
      int more,
      Activation function,
      String scaled) {
    int input = WIDTH + more;
    boolean mlp = type.equals("mlp");
    return PublishedModel.of(
            name,
            HeadPattern.YOJO,
            f -> {
              if (mlp) {
                f.with("0.weight", 16, input)
                    .with("0.bias", 16)
                    .with("2.weight", 1, 16)
                    .with("2.bias", 1);
              } else {
                f.with("weight", 1, input).with("bias", 1);
              }
              f.config(config("Molmo2ForConditionalGeneration", ""))
                  .text(
                      "reward_model_config.json",
"""
{"value_head_type": "%s", "value_head_hidden_dim": %s, "value_head_activation": "%s",
 "value_head_input_dim": %d, "resp_repr_mode": "%s"%s}
"""
                          .formatted(type, mlp ? "16" : "null", activation, input, mode, scaled))
                  .side("value_head.pt");
            },
            // Divided by the root of the width of the hidden states, however wide the vector is.
            (f, x) ->
                (mlp
                        ? x.linear(f.tensor("0.weight"), f.tensor("0.bias"))
                            .activate(function)
                            .linear(f.tensor("2.weight"), f.tensor("2.bias"))
                        : x.linear(f.tensor("weight"), f.tensor("bias")))
                    .standardised(0, scaled.endsWith("false") ? 1 : Math.sqrt(WIDTH)))
        .rows(new ScoredRows.BetweenSeparators("<|resp_sep|>"))
        .pooling(pooling);
  }
}
