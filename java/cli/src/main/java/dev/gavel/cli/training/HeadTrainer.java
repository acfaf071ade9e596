package dev.gavel.cli.training;

import dev.gavel.AdamW;
import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Optimizer;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.Step;
import dev.gavel.cli.metric.Shuffle;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.training.data.VectorGroup;
import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * Fits a head to vectors with AdamW. The same groups and choices give the same bits, on every
 * machine and with any number of threads.
 */
public final class HeadTrainer {
  // Scores do not depend on it.
  private static final int GROUPS_AT_ONCE = 256;

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
   * What training gave.
   *
   * @param head of the best epoch on the validation rows; of the last one without such rows
   * @param epochs all epochs
   * @param chosen the number of the epoch the head is of
   */
  public record Fitted(RewardHead head, List<Epoch> epochs, int chosen) {
    /** Copies the list. */
    public Fitted {
      epochs = List.copyOf(epochs);
    }
  }

  /**
   * Trains a new head, which the caller closes; or goes on with what the store kept, with the bits
   * of a run that was never interrupted.
   */
  public Fitted train(List<VectorGroup> groups, Validation validation, EpochStore store) {
    RewardHead head = RewardHead.create(context, spec, Init.normal(initDeviation, fit.seed()));
    AtomicReference<RewardHead> best = new AtomicReference<>(head);
    try {
      List<Epoch> epochs = fit(head, best, groups, validation, store);
      int chosen = validation.isOn() ? Validation.best(epochs) : epochs.size();
      if (best.get() != head) {
        head.close();
      }
      return new Fitted(best.get(), epochs, chosen == 0 ? epochs.size() : chosen);
    } catch (RuntimeException e) {
      best.get().close();
      head.close();
      throw e;
    }
  }

  // `best` becomes the head of the best epoch, where there is validation.
  private List<Epoch> fit(
      RewardHead head,
      AtomicReference<RewardHead> best,
      List<VectorGroup> groups,
      Validation validation,
      EpochStore store) {
    Stream.concat(groups.stream(), validation.groups().stream()).forEach(this::requireLabels);
    AdamW options =
        AdamW.defaults().withLearningRate(fit.learningRate()).withWeightDecay(fit.weightDecay(), 0);
    // Whoever wants all rows in a step names a large number.
    int rows = Math.min(fit.batchSize(), Math.max(groups.size(), validation.groups().size()));
    int responses = room("responses", VectorGroup::responses, rows, groups, validation.groups());
    int items =
        room(
            "pairs",
            of -> Math.max(1, LossBuilder.mostItems(fit.loss(), of.responses())),
            rows,
            groups,
            validation.groups());
    try (Optimizer optimizer = Optimizer.create(head, options);
        Step step = Step.allocate(head, responses, items)) {
      EpochStore.Saved saved = store.restore(optimizer);
      List<Epoch> epochs = new ArrayList<>(saved.epochs());
      saved.best().ifPresent(best::set);
      Shuffle shuffle = new Shuffle(fit.seed());
      for (int number = 1; number <= fit.epochs() && !validation.stops(epochs); number++) {
        // The orders of epochs that are done are drawn, too: the next order follows from them.
        List<Integer> order = shuffle.order(groups.size());
        if (number <= saved.epochs().size()) {
          continue;
        }
        Epoch epoch = epoch(number, groups, order, step, optimizer);
        if (validation.isOn()) {
          epoch =
              new Epoch(
                  number,
                  epoch.loss(),
                  epoch.gradientNorm(),
                  Optional.of(validated(head, validation.groups(), step)));
        }
        epochs.add(epoch);
        Optional<RewardHead> better =
            validation.isOn() && Validation.best(epochs) == number
                ? Optional.of(copy(head))
                : Optional.empty();
        better.ifPresent(one -> replace(best, head, one));
        store.save(epochs, optimizer, better);
      }
      return epochs;
    }
  }

  // The most that so many rows have together: one long row must not make room for a batch of such.
  @SafeVarargs
  private static int room(
      String what, ToLongFunction<VectorGroup> count, int rows, List<VectorGroup>... drawn) {
    long most = 1;
    for (List<VectorGroup> groups : drawn) {
      long[] counts = groups.stream().mapToLong(count).sorted().toArray();
      long sum = Arrays.stream(counts, Math.max(0, counts.length - rows), counts.length).sum();
      most = Math.max(most, sum);
    }
    if (most > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "a batch of %s can have %d %s; there can be at most %d: take a lower --batch-size"
              .formatted(Counted.of(rows, "row"), most, what, Integer.MAX_VALUE));
    }
    return (int) most;
  }

  private void requireLabels(VectorGroup group) {
    List<Double> labels = group.facts().labels();
    fit.loss()
        .refusal(labels)
        .ifPresent(why -> {
          throw new InvalidArgumentException(
              "line %d: a row with the labels %s %s; mend the data or take another loss"
                  .formatted(group.line(), labels, why));
        });
  }

  private static void replace(
      AtomicReference<RewardHead> best, RewardHead head, RewardHead better) {
    RewardHead before = best.getAndSet(better);
    if (before != head) {
      before.close();
    }
  }

  private RewardHead copy(RewardHead head) {
    Map<String, HostTensor> parameters = new LinkedHashMap<>();
    try {
      for (HeadSpec.Parameter parameter : spec.parameters()) {
        parameters.put(parameter.name(), head.parameter(parameter.name()));
      }
      return RewardHead.create(context, spec, parameters);
    } finally {
      parameters.values().forEach(HostTensor::close);
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
        // A loss is one of logits; only a score is read out of several.
        step.forward(batch, Pooling.index(), Readout.identity(), of.loss());
        step.backward();
        loss += step.loss().value();
        norm += step.gradients().norm();
        steps++;
        step(optimizer, step, number, steps);
      }
    }
    return new Epoch(number, loss / steps, norm / steps, Optional.empty());
  }

  // The library knows of a gradient that is no number, not of what led there.
  private void step(Optimizer optimizer, Step step, int epoch, int number) {
    try {
      optimizer.step(step.gradients());
    } catch (InvalidArgumentException e) {
      throw new InvalidArgumentException(
          "training has diverged: in step %d of epoch %d the loss is %s, %s; take a lower learning rate than %s, or look for very large numbers in the data"
              .formatted(number, epoch, step.loss().value(), e.getMessage(), fit.learningRate()),
          e.operation(),
          e.vendorCode());
    }
  }

  private Epoch.Validated validated(RewardHead head, List<VectorGroup> groups, Step step) {
    double loss = 0;
    for (int from = 0; from < groups.size(); from += fit.batchSize()) {
      List<VectorGroup> chosen =
          groups.subList(from, Math.min(from + fit.batchSize(), groups.size()));
      try (HostTensor vectors = vectors(chosen);
          PackedBatch batch = batch(vectors, chosen);
          LossBuilder of = new LossBuilder(fit.loss(), chosen, batch)) {
        step.forward(batch, Pooling.index(), Readout.identity(), of.loss());
        loss += chosen.size() * (double) step.loss().value();
      }
    }
    Tally tally = new Tally();
    CrossValidation.addAll(tally, groups, score(head, fit.loss().readout(), groups));
    return new Epoch.Validated(
        loss / groups.size(), tally.accuracy().count(), tally.accuracy().of());
  }

  /** Scores of groups, each in its row's order. */
  public static List<List<Float>> score(
      RewardHead head, Readout readout, List<VectorGroup> groups) {
    List<List<Float>> all = new ArrayList<>();
    for (int from = 0; from < groups.size(); from += GROUPS_AT_ONCE) {
      List<VectorGroup> chosen =
          groups.subList(from, Math.min(from + GROUPS_AT_ONCE, groups.size()));
      try (HostTensor vectors = vectors(head.spec().inputWidth(), chosen);
          PackedBatch batch = batch(vectors, chosen)) {
        float[] scores = head.score(batch, Pooling.index(), readout);
        int at = 0;
        for (VectorGroup group : chosen) {
          List<Float> own = new ArrayList<>();
          for (int i = 0; i < group.responses(); i++) {
            own.add(scores[at]);
            at++;
          }
          all.add(own);
        }
      }
    }
    return all;
  }

  private HostTensor vectors(List<VectorGroup> groups) {
    return vectors(spec.inputWidth(), groups);
  }

  private static HostTensor vectors(int width, List<VectorGroup> groups) {
    int responses = groups.stream().mapToInt(VectorGroup::responses).sum();
    HostTensor all = HostTensor.allocate(DType.F32, responses, width);
    try {
      long at = 0;
      for (VectorGroup group : groups) {
        group.copyTo(all.segment(), at);
        at += group.bytes();
      }
      return all;
    } catch (RuntimeException e) {
      all.close();
      throw e;
    }
  }

  private static PackedBatch batch(HostTensor vectors, List<VectorGroup> groups) {
    return PackedBatch.ofVectors(
        vectors, groups.stream().mapToInt(VectorGroup::responses).toArray());
  }
}
