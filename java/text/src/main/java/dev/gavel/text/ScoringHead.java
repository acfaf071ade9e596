package dev.gavel.text;

import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * A head with its gate and its readout: from the rows of responses to their scores and objectives.
 * Many threads may use one.
 */
final class ScoringHead implements AutoCloseable {
  private final RewardHead head;
  private final Optional<RewardHead> gate;
  private final Pooling pooling;
  private final Readout readout;
  private final HeadOutputs outputs;

  private ScoringHead(
      RewardHead head,
      Optional<RewardHead> gate,
      Pooling pooling,
      Readout readout,
      HeadOutputs outputs) {
    this.head = head;
    this.gate = gate;
    this.pooling = pooling;
    this.readout = readout;
    this.outputs = outputs;
  }

  /**
   * Puts the parts together.
   *
   * @param model its name, for messages
   * @param head closed with this
   * @param gate closed with this
   * @param names names of that many objectives
   * @param objective which of several scores is that of a response
   * @throws InvalidArgumentException if an objective must be chosen and is not, or cannot be
   */
  static ScoringHead of(
      String model,
      RewardHead head,
      Optional<RewardHead> gate,
      Pooling pooling,
      Readout readout,
      IntFunction<List<String>> names,
      Optional<String> objective) {
    int scores = readout.scores(head.spec().outputWidth());
    int mixed = mixed(readout, head.spec().outputWidth());
    if (scores == 1) {
      if (objective.isPresent()) {
        throw new InvalidArgumentException(
            "objective is '%s', and model %s gives one score by itself%s; leave it out"
                .formatted(objective.get(), model, mixed > 0 ? ", mixed of its objectives" : ""));
      }
      return new ScoringHead(
          head,
          gate,
          pooling,
          readout,
          HeadOutputs.of(checked(names, mixed), mixed > 0, 0, distributions(readout)));
    }
    List<String> found = checked(names, scores);
    int chosen =
        found.indexOf(
            objective.orElseThrow(() ->
                new InvalidArgumentException(
                    "model %s gives %d objectives, and nothing in its files says which is the score of a response; choose an objective of %s by --objective or ModelChoices"
                        .formatted(model, scores, found))));
    if (chosen < 0) {
      throw new InvalidArgumentException(
          "objective is '%s'; model %s has %s".formatted(objective.get(), model, found));
    }
    return new ScoringHead(
        head, gate, pooling, readout, HeadOutputs.of(found, false, chosen, distributions(readout)));
  }

  private static List<String> checked(IntFunction<List<String>> names, int count) {
    List<String> found = List.copyOf(names.apply(count));
    if (found.size() != count) {
      throw new IllegalStateException(
          "%d names for %d objectives: %s".formatted(found.size(), count, found));
    }
    return found;
  }

  /** Objectives that the readout mixes into its one score. */
  private static int mixed(Readout readout, int outputWidth) {
    return switch (readout) {
      case Readout.GatedSum sum when sum.form() != Readout.GateForm.TWO_STREAM ->
          sum.objectives().scores(outputWidth);
      case Readout.WeightedSum sum -> sum.weights().size();
      default -> 0;
    };
  }

  /** The head. */
  RewardHead head() {
    return head;
  }

  /** How rows become a vector. */
  Pooling pooling() {
    return pooling;
  }

  /** How logits become what it gives. */
  Readout readout() {
    return readout;
  }

  /** Whether its score is the probability of a logit. */
  boolean givesProbability() {
    return readout instanceof Readout.Sigmoid && head.spec().outputWidth() == 1;
  }

  /**
   * The same head, which gives the logit of its score, too; either is closed, not both.
   *
   * @throws IllegalStateException if its score is not {@linkplain #givesProbability that of one}
   */
  ScoringHead withLogits() {
    if (!givesProbability()) {
      throw new IllegalStateException(
          "readout %s of %d logits is no probability of one"
              .formatted(readout, head.spec().outputWidth()));
    }
    return new ScoringHead(head, gate, pooling, readout, outputs.withLogits());
  }

  /** What it gives for a response. */
  HeadOutputs outputs() {
    return outputs;
  }

  /** How logits become scores, or the objectives that are mixed to one. */
  private static Readout distributions(Readout readout) {
    return switch (readout) {
      case Readout.GatedSum sum -> sum.objectives();
      case Readout.WeightedSum sum -> sum.objectives();
      default -> readout;
    };
  }

  /** What {@link HeadOutputs} says of every response, response by response. */
  List<Float> values(PackedBatch batch) {
    return values(batch, pooling);
  }

  /** The same of vectors that were pooled before. */
  List<Float> valuesOfVectors(PackedBatch batch) {
    return values(batch, Pooling.index());
  }

  private List<Float> values(PackedBatch batch, Pooling by) {
    float[] variances = variances(batch, by);
    try (ScoreBatch into = ScoreBatch.allocate(head.spec(), readout, batch.responses(), extras())) {
      head.score(batch, by, readout, into);
      List<Float> values = new ArrayList<>();
      for (int i = 0; i < batch.responses(); i++) {
        values.add(into.score(i, outputs.chosen()));
        addObjectives(values, into, i);
        addSpread(values, into, variances, i);
        if (outputs.logits()) {
          values.add(into.logits().floatAt(i));
        }
      }
      return values;
    }
  }

  /** One of every distribution, response by response; none where the head has no levels. */
  private float[] variances(PackedBatch batch, Pooling by) {
    if (!(distributions(readout) instanceof Readout.Expectation(List<Float> levels, _))
        || outputs.spread() != HeadOutputs.SpreadKind.VARIANCE) {
      return new float[0];
    }
    Readout variance = new Readout.Expectation(levels, Readout.Statistic.VARIANCE);
    try (ScoreBatch into = ScoreBatch.allocate(head.spec(), variance, batch.responses())) {
      head.score(batch, by, variance, into);
      return into.toArray();
    }
  }

  private ScoreBatch.Extra[] extras() {
    List<ScoreBatch.Extra> extras = new ArrayList<>();
    if (outputs.mixed()) {
      extras.add(ScoreBatch.Extra.OBJECTIVES);
    }
    if (outputs.spread() == HeadOutputs.SpreadKind.QUANTILES || outputs.logits()) {
      extras.add(ScoreBatch.Extra.LOGITS);
    }
    return extras.toArray(ScoreBatch.Extra[]::new);
  }

  private void addObjectives(List<Float> values, ScoreBatch into, int response) {
    int count = outputs.objectives().size();
    for (int k = 0; k < count; k++) {
      values.add(
          outputs.mixed()
              ? into.objectives().floatAt((long) response * count + k)
              : into.score(response, k));
    }
  }

  private void addSpread(List<Float> values, ScoreBatch into, float[] variances, int response) {
    switch (outputs.spread()) {
      case NONE -> {}
      case VARIANCE -> {
        int count = outputs.distributions();
        for (int k = 0; k < count; k++) {
          values.add(variances[response * count + k]);
        }
      }
      case QUANTILES -> {
        // The logits are the quantiles, those of one objective after those of the one before.
        long logits = head.spec().outputWidth();
        for (int k = 0; k < logits; k++) {
          values.add(into.logits().floatAt(response * logits + k));
        }
      }
    }
  }

  /**
   * Checks that the head takes what a backbone gives.
   *
   * @param backbone the backbone
   * @throws FormatException if it does not
   */
  void checkFit(Backbone backbone, Path file) {
    long vector = pooling.vectorWidth(backbone.width());
    if (vector != head.spec().inputWidth()) {
      throw new FormatException(
          file,
          "takes vectors of %d; backbone %s with pooling %s gives %d"
              .formatted(
                  head.spec().inputWidth(),
                  backbone.description(),
                  ModelConfig.name(pooling),
                  vector));
    }
  }

  @Override
  public void close() {
    gate.ifPresent(RewardHead::close);
    head.close();
  }
}
