package dev.gavel.cli.training;

import dev.gavel.AdamW;
import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.Optimizer;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.Step;
import dev.gavel.cli.metric.Shuffle;
import java.util.ArrayList;
import java.util.List;

/**
 * Fits a head to vectors with AdamW. The same groups and choices give the same bits, on every
 * machine and with any number of threads.
 */
public final class HeadTrainer {
  private final Context context;
  private final HeadSpec spec;
  private final float initDeviation;
  private final FitChoice fit;

  /** A trainer. */
  public HeadTrainer(Context context, HeadSpec spec, float initDeviation, FitChoice fit) {
    this.context = context;
    this.spec = spec;
    this.initDeviation = initDeviation;
    this.fit = fit;
  }

  /**
   * What happened in one epoch.
   *
   * @param epoch its number, from 1
   * @param loss mean loss of its steps
   * @param gradientNorm mean size of the gradient
   */
  public record Epoch(int epoch, double loss, double gradientNorm) {}

  /** Is told of every epoch. */
  @FunctionalInterface
  public interface Listener {
    /** One more epoch is done. */
    void epoch(Epoch epoch);
  }

  /** Trains a new head, which the caller closes. */
  public RewardHead train(List<VectorGroup> groups, Listener listener) {
    RewardHead head = RewardHead.create(context, spec, Init.normal(initDeviation, fit.seed()));
    int most = groups.stream().mapToInt(VectorGroup::responses).max().orElseThrow();
    AdamW options =
        AdamW.defaults().withLearningRate(fit.learningRate()).withWeightDecay(fit.weightDecay(), 0);
    int items = fit.batchSize() * Math.max(1, LossBuilder.mostItems(fit.loss(), most));
    try (Optimizer optimizer = Optimizer.create(head, options);
        Step step = Step.allocate(head, fit.batchSize() * most, items)) {
      Shuffle shuffle = new Shuffle(fit.seed());
      for (int epoch = 1; epoch <= fit.epochs(); epoch++) {
        listener.epoch(epoch(epoch, groups, shuffle.order(groups.size()), step, optimizer));
      }
      return head;
    } catch (RuntimeException e) {
      head.close();
      throw e;
    }
  }

  private Epoch epoch(
      int number, List<VectorGroup> groups, List<Integer> order, Step step, Optimizer optimizer) {
    double loss = 0;
    double norm = 0;
    int steps = 0;
    for (int from = 0; from < order.size(); from += fit.batchSize()) {
      int to = Math.min(from + fit.batchSize(), order.size());
      List<VectorGroup> chosen = order.subList(from, to).stream().map(groups::get).toList();
      try (HostTensor vectors = vectors(chosen);
          PackedBatch batch = batch(vectors, chosen);
          LossBuilder of = new LossBuilder(fit.loss(), chosen, batch)) {
        step.forward(batch, Pooling.index(), Readout.identity(), of.loss());
        step.backward();
        loss += step.loss().value();
        norm += step.gradients().norm();
        optimizer.step(step.gradients());
        steps++;
      }
    }
    return new Epoch(number, loss / steps, norm / steps);
  }

  /** Scores of groups, each in its row's order. */
  public static List<List<Float>> score(RewardHead head, List<VectorGroup> groups) {
    List<List<Float>> all = new ArrayList<>();
    for (VectorGroup group : groups) {
      try (HostTensor vectors = vectors(head.spec().inputWidth(), List.of(group));
          PackedBatch batch = batch(vectors, List.of(group))) {
        List<Float> scores = new ArrayList<>();
        for (float score : head.score(batch, Pooling.index(), Readout.identity())) {
          scores.add(score);
        }
        all.add(scores);
      }
    }
    return all;
  }

  private HostTensor vectors(List<VectorGroup> groups) {
    return vectors(spec.inputWidth(), groups);
  }

  private static HostTensor vectors(int width, List<VectorGroup> groups) {
    int responses = groups.stream().mapToInt(VectorGroup::responses).sum();
    float[] values = new float[responses * width];
    int at = 0;
    for (VectorGroup group : groups) {
      System.arraycopy(group.vectors(), 0, values, at, group.vectors().length);
      at += group.vectors().length;
    }
    return HostTensor.of(values, responses, width);
  }

  private static PackedBatch batch(HostTensor vectors, List<VectorGroup> groups) {
    return PackedBatch.ofVectors(
        vectors, groups.stream().mapToInt(VectorGroup::responses).toArray());
  }
}
