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
  private final List<String> objectives;
  private final int chosen;

  private ScoringHead(
      RewardHead head,
      Optional<RewardHead> gate,
      Pooling pooling,
      Readout readout,
      List<String> objectives,
      int chosen) {
    this.head = head;
    this.gate = gate;
    this.pooling = pooling;
    this.readout = readout;
    this.objectives = objectives;
    this.chosen = chosen;
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
      return new ScoringHead(head, gate, pooling, readout, checked(names, mixed), 0);
    }
    List<String> found = checked(names, scores);
    int chosen =
        found.indexOf(
            objective.orElseThrow(() ->
                new InvalidArgumentException(
                    "model %s gives %d objectives, and nothing in its files says which is the score of a response; choose an objective of %s"
                        .formatted(model, scores, found))));
    if (chosen < 0) {
      throw new InvalidArgumentException(
          "objective is '%s'; model %s has %s".formatted(objective.get(), model, found));
    }
    return new ScoringHead(head, gate, pooling, readout, found, chosen);
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

  /** Names of the objectives, in order; none where the head gives one score of one logit. */
  List<String> objectives() {
    return objectives;
  }

  /** Numbers per response: its score, then its objectives. */
  int width() {
    return 1 + objectives.size();
  }

  /** Whether one of several outputs was chosen to be the score. */
  private boolean chooses() {
    return readout.scores(head.spec().outputWidth()) > 1;
  }

  /** {@link #width} numbers of every response, response by response. */
  List<Float> values(PackedBatch batch) {
    boolean mixes = !objectives.isEmpty() && !chooses();
    try (ScoreBatch into =
        mixes
            ? ScoreBatch.allocate(
                head.spec(), readout, batch.responses(), ScoreBatch.Extra.OBJECTIVES)
            : ScoreBatch.allocate(head.spec(), readout, batch.responses())) {
      head.score(batch, pooling, readout, into);
      List<Float> values = new ArrayList<>();
      for (int i = 0; i < batch.responses(); i++) {
        values.add(into.score(i, chosen));
        for (int k = 0; k < objectives.size(); k++) {
          values.add(
              mixes
                  ? into.objectives().floatAt((long) i * objectives.size() + k)
                  : into.score(i, k));
        }
      }
      return values;
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
