package dev.gavel.cli.training;

import dev.gavel.Amount;
import dev.gavel.HostTensor;
import dev.gavel.Loss;
import dev.gavel.PackedBatch;
import dev.gavel.Reduction;
import dev.gavel.cli.training.data.VectorGroup;
import java.util.ArrayList;
import java.util.List;

/** The loss of one batch, with the tensors it borrows. */
final class LossBuilder implements AutoCloseable {
  private final List<HostTensor> tensors = new ArrayList<>();
  private final Loss loss;

  LossBuilder(LossChoice choice, List<VectorGroup> groups, PackedBatch batch) {
    this.loss =
        switch (choice) {
          case LossChoice.BradleyTerry terry -> bradleyTerry(terry, groups);
          case LossChoice.CrossEntropy entropy -> crossEntropy(entropy, groups, batch);
          case LossChoice.PlackettLuce(int topK, float temperature) ->
              Loss.plackettLuce(keep(batch.groupOffsets()), ranks(groups))
                  .withTopK(topK)
                  .withTemperature(Amount.of(temperature));
          case LossChoice.PairwiseRanking(float beta) ->
              Loss.pairwiseRanking(keep(batch.groupOffsets()), ranks(groups))
                  .withBeta(Amount.of(beta));
          case LossChoice.Mse() -> Loss.mse(labels(groups));
          case LossChoice.Bce(float positiveWeight) ->
              Loss.bce(labels(groups)).withPositiveWeight(Amount.of(positiveWeight));
          case LossChoice.Pinball(float quantile) ->
              Loss.pinball(labels(groups), Amount.of(quantile));
          case LossChoice.StepRanking(float zeta) ->
              Loss.stepRanking(keep(batch.groupOffsets()), marks(groups), Amount.of(zeta));
          case LossChoice.Ordinal(int levels) -> {
            Preferences preferences = preferences(groups);
            yield Loss.ordinal(preferences.pairs(), levels)
                .withWeight(Amount.each(preferences.weights()))
                .withReduction(Reduction.WEIGHTED_MEAN);
          }
        };
  }

  Loss loss() {
    return loss;
  }

  /** Most items a row can have, for room. */
  static long mostItems(LossChoice choice, int responses) {
    return switch (choice) {
      case LossChoice.BradleyTerry _, LossChoice.Ordinal _ -> responses * (responses - 1L) / 2;
      case LossChoice.CrossEntropy _,
          LossChoice.PlackettLuce _,
          LossChoice.PairwiseRanking _,
          LossChoice.StepRanking _ ->
          1;
      case LossChoice.Mse _, LossChoice.Bce _, LossChoice.Pinball _ -> responses;
    };
  }

  @Override
  public void close() {
    tensors.forEach(HostTensor::close);
  }

  private Loss bradleyTerry(LossChoice.BradleyTerry choice, List<VectorGroup> groups) {
    Preferences preferences = preferences(groups);
    return Loss.bradleyTerry(preferences.pairs())
        .withWeight(Amount.each(preferences.weights()))
        .withReduction(Reduction.WEIGHTED_MEAN)
        .withLabelSmoothing(Amount.of(choice.labelSmoothing()))
        .withBeta(Amount.of(choice.beta()))
        .withCenter(center(choice, preferences));
  }

  // The term of the center knows no weight: a row with many pairs would count as often.
  private Amount center(LossChoice.BradleyTerry choice, Preferences preferences) {
    if (choice.center() == 0) {
      return Amount.of(0);
    }
    float[] centers = preferences.weights().toFloats();
    for (int i = 0; i < centers.length; i++) {
      centers[i] *= choice.center();
    }
    return Amount.each(keep(HostTensor.of(centers, centers.length)));
  }

  /**
   * Pairs of responses of a row with different labels, preferred first; a row's weights add to 1.
   */
  private record Preferences(HostTensor pairs, HostTensor weights) {}

  private Preferences preferences(List<VectorGroup> groups) {
    List<Long> pairs = new ArrayList<>();
    List<Float> weights = new ArrayList<>();
    long start = 0;
    for (VectorGroup group : groups) {
      int before = weights.size();
      List<Double> labels = group.facts().labels();
      for (int i = 0; i < labels.size(); i++) {
        for (int j = 0; j < labels.size(); j++) {
          if (labels.get(i) > labels.get(j)) {
            pairs.add(start + i);
            pairs.add(start + j);
            weights.add(0f);
          }
        }
      }
      int count = weights.size() - before;
      for (int i = before; i < weights.size(); i++) {
        weights.set(i, 1f / count);
      }
      start += group.responses();
    }
    HostTensor indices =
        keep(HostTensor.of(pairs.stream().mapToLong(Long::longValue).toArray(), weights.size(), 2));
    return new Preferences(indices, keep(floats(weights)));
  }

  private Loss crossEntropy(
      LossChoice.CrossEntropy choice, List<VectorGroup> groups, PackedBatch batch) {
    List<Float> targets = new ArrayList<>();
    for (VectorGroup group : groups) {
      List<Double> labels = group.facts().labels();
      double top = labels.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
      long best = labels.stream().filter(label -> label == top).count();
      float shared = choice.labelSmoothing() / labels.size();
      for (double label : labels) {
        targets.add(shared + (label == top ? (1 - choice.labelSmoothing()) / best : 0));
      }
    }
    HostTensor target = keep(floats(targets));
    return Loss.crossEntropy(keep(batch.groupOffsets()), dev.gavel.CrossEntropy.Target.soft(target))
        .withTemperature(Amount.of(choice.temperature()));
  }

  // 1 is best; responses that are liked the same have the same rank.
  private HostTensor ranks(List<VectorGroup> groups) {
    List<Long> ranks = new ArrayList<>();
    for (VectorGroup group : groups) {
      List<Double> labels = group.facts().labels();
      for (double label : labels) {
        ranks.add(1 + labels.stream().filter(other -> other > label).count());
      }
    }
    long[] values = ranks.stream().mapToLong(Long::longValue).toArray();
    return keep(HostTensor.of(values, values.length));
  }

  private HostTensor labels(List<VectorGroup> groups) {
    List<Float> values = new ArrayList<>();
    groups.forEach(
        group -> group.facts().labels().forEach(label -> values.add(label.floatValue())));
    return keep(floats(values));
  }

  private HostTensor marks(List<VectorGroup> groups) {
    List<Double> labels =
        groups.stream().flatMap(group -> group.facts().labels().stream()).toList();
    boolean[] right = new boolean[labels.size()];
    for (int i = 0; i < right.length; i++) {
      right[i] = labels.get(i) == 1;
    }
    return keep(HostTensor.of(right));
  }

  private HostTensor keep(HostTensor tensor) {
    tensors.add(tensor);
    return tensor;
  }

  private static HostTensor floats(List<Float> values) {
    float[] copy = new float[values.size()];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = values.get(i);
    }
    return HostTensor.of(copy, copy.length);
  }
}
