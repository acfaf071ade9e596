package dev.gavel.cli.training;

import dev.gavel.Amount;
import dev.gavel.HostTensor;
import dev.gavel.Loss;
import dev.gavel.PackedBatch;
import dev.gavel.Reduction;
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
        };
  }

  Loss loss() {
    return loss;
  }

  /** Most pairs a row can have, for room. */
  static int mostItems(LossChoice choice, int responses) {
    return switch (choice) {
      case LossChoice.BradleyTerry _ -> responses * (responses - 1) / 2;
      case LossChoice.CrossEntropy _ -> 1;
    };
  }

  @Override
  public void close() {
    tensors.forEach(HostTensor::close);
  }

  private Loss bradleyTerry(LossChoice.BradleyTerry choice, List<VectorGroup> groups) {
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
    HostTensor weight = keep(floats(weights));
    return Loss.bradleyTerry(indices)
        .withWeight(Amount.each(weight))
        .withReduction(Reduction.WEIGHTED_MEAN)
        .withLabelSmoothing(Amount.of(choice.labelSmoothing()))
        .withBeta(Amount.of(choice.beta()))
        .withCenter(Amount.of(choice.center()));
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
