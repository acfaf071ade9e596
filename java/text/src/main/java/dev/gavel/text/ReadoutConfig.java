package dev.gavel.text;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Readout;
import dev.gavel.UnsupportedException;
import java.util.List;

/**
 * How logits become a score, as the {@code config.json} of a model folder says it. The key {@code
 * kind} says which of the three it is; {@link OfLogit} also takes kinds that do not exist, so that
 * {@link #value} can name those that do.
 */
@JsonTypeInfo(
    use = JsonTypeInfo.Id.NAME,
    include = JsonTypeInfo.As.EXISTING_PROPERTY,
    property = "kind",
    visible = true,
    defaultImpl = ReadoutConfig.OfLogit.class)
@JsonSubTypes({
  @JsonSubTypes.Type(value = ReadoutConfig.OfLevels.class, name = ReadoutConfig.OfLevels.KIND),
  @JsonSubTypes.Type(value = ReadoutConfig.OfQuantiles.class, name = ReadoutConfig.OfQuantiles.KIND)
})
public sealed interface ReadoutConfig {
  /** Name of the readout. */
  String kind();

  /**
   * The readout.
   *
   * @throws InvalidArgumentException if there is none of this kind, or it does not take the numbers
   */
  Readout value();

  /**
   * What a readout is in a configuration.
   *
   * @throws dev.gavel.UnsupportedException if texts cannot be scored with it
   */
  static ReadoutConfig of(Readout readout) {
    return switch (readout) {
      case Readout.Identity() -> new OfLogit("identity", 0, 0);
      case Readout.Affine(float mean, float deviation) -> new OfLogit("affine", mean, deviation);
      case Readout.Sigmoid() -> new OfLogit("sigmoid", 0, 0);
      case Readout.Expectation(List<Float> levels, Readout.Statistic statistic)
          when statistic == Readout.Statistic.MEAN ->
          new OfLevels(OfLevels.KIND, levels);
      case Readout.QuantileMean(int quantiles) -> new OfQuantiles(OfQuantiles.KIND, quantiles);
      case Readout.Expectation _, Readout.ClassProb _, Readout.WeightedSum _, Readout.GatedSum _ ->
          throw new UnsupportedException(
              "texts scored with the readout %s; score hidden states with RewardHead"
                  .formatted(readout));
    };
  }

  /** Of a published head with a gate, whose numbers are in its own files. */
  static ReadoutConfig ofGate() {
    return new OfLogit("gated_sum", 0, 0);
  }

  /**
   * How a logit becomes a score.
   *
   * @param kind identity, affine or sigmoid
   * @param mean of affine, else 0
   * @param deviation of affine, else 0
   */
  record OfLogit(
      @JsonProperty("kind") String kind,
      @JsonProperty("mean") float mean,
      @JsonProperty("deviation") float deviation)
      implements ReadoutConfig {
    @Override
    public Readout value() {
      boolean plain = mean == 0 && deviation == 0;
      if (!kind.equals("affine") && !plain) {
        throw new InvalidArgumentException(
            "readout %s has mean %s and deviation %s; only affine has them"
                .formatted(kind, mean, deviation));
      }
      return switch (kind) {
        case "identity" -> Readout.identity();
        case "affine" -> Readout.affine(mean, deviation);
        case "sigmoid" -> Readout.sigmoid();
        default ->
            throw new InvalidArgumentException(
                "readout is '%s'; it must be identity, affine, sigmoid, expectation or quantile_mean"
                    .formatted(kind));
      };
    }
  }

  /**
   * How the logits of levels become a score: the mean of the levels under their softmax.
   *
   * @param kind {@value #KIND}
   * @param levels one for each logit
   */
  record OfLevels(@JsonProperty("kind") String kind, @JsonProperty("levels") List<Float> levels)
      implements ReadoutConfig {
    static final String KIND = "expectation";

    /** Copies the levels. */
    public OfLevels {
      levels = List.copyOf(levels);
    }

    @Override
    public Readout value() {
      return new Readout.Expectation(levels, Readout.Statistic.MEAN);
    }
  }

  /**
   * How the quantiles of a head become a score: their mean.
   *
   * @param kind {@value #KIND}
   * @param quantiles outputs of the head that are quantiles of one score
   */
  record OfQuantiles(@JsonProperty("kind") String kind, @JsonProperty("quantiles") int quantiles)
      implements ReadoutConfig {
    static final String KIND = "quantile_mean";

    @Override
    public Readout value() {
      return new Readout.QuantileMean(quantiles);
    }
  }
}
