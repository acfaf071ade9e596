package dev.gavel;

import dev.gavel.message.Counted;
import java.util.Arrays;
import java.util.List;

/**
 * How the logits z [K] of a response become its scores [S].
 *
 * <p>Three readouts take the logits in groups of neighbours and make one score of each; p is the
 * softmax of the group. Two mix objectives r [O] to one score; the logits are the objectives, or
 * are made into them group by group by another readout. All are computed in the score call, with
 * their gradients in the backward pass; exponentials are relative to the largest logit, so that
 * nothing overflows. From the same logits every device gives the same bits.
 */
public sealed interface Readout {

  /** score = logit. */
  static Readout identity() {
    return Identity.ONE;
  }

  /** score = (logit - mean) / deviation. */
  static Readout affine(float mean, float deviation) {
    return new Affine(mean, deviation);
  }

  /** score = 1 / (1 + exp(-logit)). */
  static Readout sigmoid() {
    return Sigmoid.ONE;
  }

  /** score = p of the class {@code wanted}, of every group of {@code classes} logits. */
  static Readout classProb(int wanted, int classes) {
    return new ClassProb(wanted, classes);
  }

  /** score = sum of v_k p_k over the levels v. */
  static Readout expectation(float... levels) {
    return new Expectation(floats(levels), Statistic.MEAN);
  }

  /** score = mean of every group of {@code quantiles} logits. */
  static Readout quantileMean(int quantiles) {
    return new QuantileMean(quantiles);
  }

  /** score = sum of weight_k z_k. */
  static Readout weightedSum(float... weights) {
    return new WeightedSum(floats(weights), identity());
  }

  /**
   * score = scale * sum of softmax(g / temperature)_k z_k, g the logits of the gate at the batch's
   * {@linkplain PackedBatch#gateRows gate rows} (ArmoRM, arXiv 2406.12845).
   */
  static GatedSum softmaxGate(RewardHead gate, float temperature, float scale) {
    return new GatedSum(gate, GateForm.SOFTMAX, temperature, scale, identity(), List.of());
  }

  /** score = scale * sum of g_k z_k, g the logits of the gate. */
  static GatedSum linearGate(RewardHead gate, float scale) {
    return new GatedSum(gate, GateForm.LINEAR, 0, scale, identity(), List.of());
  }

  /**
   * score = a z + (1 - a) z', a = sigmoid of the gate over [X[last]; X[gate row]], z at the last
   * row, z' at the gate row: the same step in the stream of reversed steps (BiPRM).
   */
  static GatedSum twoStreamGate(RewardHead gate) {
    return new GatedSum(gate, GateForm.TWO_STREAM, 0, 0, identity(), List.of());
  }

  /**
   * S, the scores of a response.
   *
   * @param outputWidth K, the logits of the head
   * @throws InvalidArgumentException if such a head cannot be read so
   */
  default int scores(int outputWidth) {
    return switch (this) {
      case Identity(), Affine _, Sigmoid() -> outputWidth;
      case ClassProb(_, int classes) -> groups(outputWidth, classes);
      case Expectation(List<Float> levels, _) -> groups(outputWidth, levels.size());
      case QuantileMean(int quantiles) -> groups(outputWidth, quantiles);
      case WeightedSum(List<Float> weights, Readout objectives) -> {
        int count = objectives.scores(outputWidth);
        if (count != weights.size()) {
          throw new InvalidArgumentException(
              "weighted sum: %s for %s; there must be one for each"
                  .formatted(Counted.of(weights.size(), "weight"), Counted.of(count, "objective")));
        }
        yield 1;
      }
      case GatedSum gated -> {
        gated.check(outputWidth);
        yield 1;
      }
    };
  }

  /** score = logit, S = K. */
  record Identity() implements Readout {
    // One for all, so that a score call that names it allocates nothing.
    private static final Identity ONE = new Identity();
  }

  /**
   * score = (logit - mean) / deviation, as a checkpoint that stores the two standardises its
   * scores; S = K.
   *
   * @param mean finite
   * @param deviation finite, not 0
   */
  record Affine(float mean, float deviation) implements Readout {
    /** Checks both numbers. */
    public Affine {
      if (!Float.isFinite(mean)) {
        throw new InvalidArgumentException(
            "affine readout: mean is %s; it must be finite".formatted(mean));
      }
      requireNormal("affine readout: deviation", deviation);
    }
  }

  /** score = 1 / (1 + exp(-logit)), S = K. */
  record Sigmoid() implements Readout {
    private static final Sigmoid ONE = new Sigmoid();
  }

  /**
   * score = p_wanted, p the softmax of a group; S = K / classes. With two classes it is sigmoid(z_1
   * - z_0).
   *
   * @param wanted the class, from 0
   * @param classes logits of a group, 2 or more
   */
  record ClassProb(int wanted, int classes) implements Readout {
    /** Checks both numbers. */
    public ClassProb {
      if (classes < 2 || wanted < 0 || wanted >= classes) {
        throw new InvalidArgumentException(
            "class probability: class %d of %d; there must be 2 or more, numbered from 0"
                .formatted(wanted, classes));
      }
    }
  }

  /** What {@link Expectation} takes of a distribution over levels. */
  enum Statistic {
    /** m = sum of v_k p_k. */
    MEAN,
    /** sum of (v_k - m)^2 p_k: how sure the head is (OPRM). */
    VARIANCE,
    /** v_t p_t, t the first of the likeliest levels: how VideoScore2 reads out its digits. */
    TOP_LEVEL
  }

  /**
   * score = a statistic of the levels v under the softmax of a group; S = K / number of levels.
   *
   * @param levels v, 2 or more, finite
   * @param statistic which
   */
  record Expectation(List<Float> levels, Statistic statistic) implements Readout {
    /** Checks the levels. */
    public Expectation {
      levels = finite("levels of an expectation", levels);
      if (levels.size() < 2) {
        throw new InvalidArgumentException(
            "expectation: %s; there must be 2 or more"
                .formatted(Counted.of(levels.size(), "level")));
      }
    }
  }

  /**
   * score = mean of a group, the quantiles of one attribute (QRM); S = K / quantiles.
   *
   * @param quantiles logits of a group, 1 or more
   */
  record QuantileMean(int quantiles) implements Readout {
    /** Checks the number. */
    public QuantileMean {
      if (quantiles < 1) {
        throw new InvalidArgumentException(
            "quantile mean: %d quantiles; there must be 1 or more".formatted(quantiles));
      }
    }
  }

  /**
   * score = sum of weight_k r_k, S = 1.
   *
   * @param weights one for each objective, finite
   * @param objectives how logits become objectives: {@link #identity()}, or a readout of groups
   */
  record WeightedSum(List<Float> weights, Readout objectives) implements Readout {
    /** Checks both. */
    public WeightedSum {
      weights = finite("weights of a weighted sum", weights);
      requireObjectives(objectives);
    }

    /** The same sum of objectives that another readout makes of the logits. */
    public WeightedSum objectives(Readout made) {
      return new WeightedSum(weights, made);
    }
  }

  /** What a gate's logits do. */
  enum GateForm {
    /** Their softmax weighs the objectives. */
    SOFTMAX,
    /** The sigmoid of one of them mixes the scores of two rows. */
    TWO_STREAM,
    /** They weigh the objectives themselves. */
    LINEAR
  }

  /**
   * A mixture by a second head, the gate, which the score call runs too; S = 1. Made by {@link
   * #softmaxGate}, {@link #linearGate} or {@link #twoStreamGate}.
   *
   * @param gate head whose logits weigh the objectives; it must stay open
   * @param form what they do
   * @param temperature SOFTMAX: more than 0, else 0
   * @param scale SOFTMAX and LINEAR: finite, not 0, else 0
   * @param objectives how logits become objectives r
   * @param transform C [O, O], row by row, or none: the objectives mixed are q_k = sum_j r_j
   *     C[j][k]
   */
  record GatedSum(
      RewardHead gate,
      GateForm form,
      float temperature,
      float scale,
      Readout objectives,
      List<Float> transform)
      implements Readout {
    /** Checks the numbers. */
    public GatedSum {
      requireObjectives(objectives);
      transform = finite("transform of a gated sum", transform);
      boolean wanted = form == GateForm.SOFTMAX;
      boolean given = wanted ? temperature >= Float.MIN_NORMAL : temperature == 0;
      if (!given || Float.isInfinite(temperature)) {
        throw new InvalidArgumentException(
            "gated sum: temperature is %s; with SOFTMAX it must be finite and at least 2^-126, else 0"
                .formatted(temperature));
      }
      if (form == GateForm.TWO_STREAM) {
        if (scale != 0 || !transform.isEmpty() || !(objectives instanceof Identity)) {
          throw new InvalidArgumentException(
              "gated sum of two streams: it mixes two scores; it has no scale, transform or objectives");
        }
      } else {
        requireNormal("gated sum: scale", scale);
      }
    }

    /** The same mixture of objectives that another readout makes of the logits. */
    public GatedSum objectives(Readout made) {
      return new GatedSum(gate, form, temperature, scale, made, transform);
    }

    /** The same mixture of transformed objectives: C [O, O], row by row. */
    public GatedSum transform(float... matrix) {
      return new GatedSum(gate, form, temperature, scale, objectives, floats(matrix));
    }

    /** Whether each response has two rows. */
    boolean twoStreams() {
      return form == GateForm.TWO_STREAM;
    }

    /** Whether another readout has this gate in this form; its numbers may be others. */
    boolean sharesGateWith(Readout other) {
      return other instanceof GatedSum gated && gated.gate == gate && gated.form == form;
    }

    /** Logits of the gate. */
    int gateOutputs() {
      return gate.spec().outputWidth();
    }

    private void check(int outputWidth) {
      int count = twoStreams() ? 1 : objectives.scores(outputWidth);
      if (twoStreams() && outputWidth != 1) {
        throw new InvalidArgumentException(
            "gated sum of two streams: the head has %d outputs; it must have one"
                .formatted(outputWidth));
      }
      if (gateOutputs() != count) {
        throw new InvalidArgumentException(
            "gated sum: the gate has %s for %s; there must be one for each"
                .formatted(Counted.of(gateOutputs(), "output"), Counted.of(count, "objective")));
      }
      if (!transform.isEmpty() && transform.size() != Math.multiplyExact(count, count)) {
        throw new InvalidArgumentException(
            "gated sum: the transform has %s; of %s it must have %d"
                .formatted(
                    Counted.of(transform.size(), "number"),
                    Counted.of(count, "objective"),
                    Math.multiplyExact(count, count)));
      }
    }
  }

  private static int groups(int outputWidth, int size) {
    if (outputWidth % size != 0) {
      throw new InvalidArgumentException(
          "readout: the head has %s; they must be groups of %d"
              .formatted(Counted.of(outputWidth, "output"), size));
    }
    return outputWidth / size;
  }

  private static void requireObjectives(Readout objectives) {
    switch (objectives) {
      case Identity(), ClassProb _, Expectation _, QuantileMean _ -> {}
      case Affine _, Sigmoid(), WeightedSum _, GatedSum _ ->
          throw new InvalidArgumentException(
              "objectives: made by %s; it must be identity, a class probability, an expectation or a quantile mean"
                  .formatted(objectives));
    }
  }

  private static void requireNormal(String what, float value) {
    if (!Float.isFinite(value) || Math.abs(value) < Float.MIN_NORMAL) {
      throw new InvalidArgumentException(
          "%s is %s; it must be finite and at least 2^-126 in size".formatted(what, value));
    }
  }

  private static List<Float> finite(String what, List<Float> values) {
    if (!values.stream().allMatch(Float::isFinite)) {
      throw new InvalidArgumentException("%s: %s; all must be finite".formatted(what, values));
    }
    return List.copyOf(values);
  }

  private static List<Float> floats(float... values) {
    Float[] boxed = new Float[values.length];
    Arrays.setAll(boxed, i -> values[i]);
    return List.of(boxed);
  }
}
