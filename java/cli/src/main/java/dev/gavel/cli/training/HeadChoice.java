package dev.gavel.cli.training;

import dev.gavel.Activation;
import dev.gavel.HeadSpec;
import dev.gavel.HeadSpecBuilder;
import dev.gavel.Norm;
import dev.gavel.Pooling;
import dev.gavel.text.ModelConfig;
import java.util.List;
import java.util.Locale;

/**
 * The head to train.
 *
 * @param pooling how rows become a vector
 * @param hidden widths of the hidden layers; none for a linear head
 * @param activation of the hidden layers; not used by a linear head
 * @param norm in front of the first layer
 * @param outputScale factor of the logit; 0 for 1/sqrt(H), as YOJO does
 * @param initDeviation standard deviation of the initial weights
 */
public record HeadChoice(
    Pooling pooling,
    List<Integer> hidden,
    Activation activation,
    Norm norm,
    float outputScale,
    float initDeviation) {
  /** As {@code torch.nn.LayerNorm}. */
  private static final float NORM_EPSILON = 1e-5f;

  /** Copies the list. */
  public HeadChoice {
    hidden = List.copyOf(hidden);
  }

  /**
   * The spec of the head.
   *
   * @param hiddenStateWidth H of the backbone
   * @param logits K, its outputs
   */
  HeadSpec spec(int hiddenStateWidth, int logits) {
    int vector = (int) pooling.vectorWidth(hiddenStateWidth);
    HeadSpecBuilder builder =
        hidden.isEmpty()
            ? HeadSpec.linear(vector)
            : HeadSpec.mlp(vector, hidden.stream().mapToInt(Integer::intValue).toArray())
                .activation(activation);
    switch (norm) {
      case NONE -> {}
      case RMS -> builder.rmsNorm(NORM_EPSILON);
      case LAYER -> builder.layerNorm(NORM_EPSILON, true);
    }
    return builder
        .outputWidth(logits)
        .outputScale(outputScale == 0 ? (float) (1 / Math.sqrt(hiddenStateWidth)) : outputScale)
        .build();
  }

  /** In words, for people. */
  public String describe() {
    String layers =
        hidden.isEmpty()
            ? "linear"
            : "mlp %s %s"
                .formatted(
                    String.join("x", hidden.stream().map(String::valueOf).toList()),
                    name(activation));
    return "%s, norm %s, %s, init %s"
        .formatted(ModelConfig.name(pooling), name(norm), layers, initDeviation);
  }

  /**
   * The factor of the logit, for people.
   *
   * @param width what the width of the hidden states is called
   */
  public String describeOutputScale(String width) {
    return outputScale == 0 ? "1/sqrt(%s)".formatted(width) : Float.toString(outputScale);
  }

  static String name(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT);
  }
}
