package dev.gavel.cli.training;

import static dev.gavel.cli.training.SmallTraining.WIDTH;
import static dev.gavel.cli.training.SmallTraining.groups;
import static dev.gavel.cli.training.SmallTraining.parameters;
import static dev.gavel.cli.training.SmallTraining.trainer;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Activation;
import dev.gavel.Context;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Norm;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.training.data.VectorGroup;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What training learns, and when it ends. */
class HeadTrainerTest {
  /** The same groups with labels that are 1 for sums above 0 and else 0. */
  private static List<VectorGroup> binary(List<VectorGroup> groups) {
    return groups.stream().map(HeadTrainerTest::binary).toList();
  }

  private static VectorGroup binary(VectorGroup group) {
    GroupFacts facts = group.facts();
    List<Double> labels = facts.labels().stream().map(sum -> sum > 0 ? 1.0 : 0.0).toList();
    float[] vectors = new float[(int) (group.bytes() / Float.BYTES)];
    group.copyTo(MemorySegment.ofArray(vectors), 0);
    return new VectorGroup(
        1,
        new GroupFacts(facts.prompt(), facts.lengths(), facts.subset(), labels),
        MemorySegment.ofArray(vectors));
  }

  @Test
  void everyLossTeachesTheOrderOfTheLabels() {
    List<VectorGroup> sums = groups(1, 60, 0);
    Map<LossChoice, List<VectorGroup>> data =
        Map.of(
            new LossChoice.BradleyTerry(0, 1, 0), sums,
            new LossChoice.CrossEntropy(0, 1), sums,
            new LossChoice.PlackettLuce(0, 1), sums,
            new LossChoice.PlackettLuce(1, 2), sums,
            new LossChoice.PairwiseRanking(1), sums,
            new LossChoice.Ordinal(5), sums,
            new LossChoice.Mse(), sums,
            new LossChoice.Pinball(0.5f), sums,
            new LossChoice.Bce(1), binary(sums),
            new LossChoice.StepRanking(4), binary(sums));
    try (Context context = Context.open()) {
      data.forEach((loss, groups) -> {
        HeadTrainer.Fitted fitted =
            trainer(context, loss, 40, 2e-2f).train(groups, Validation.NONE, EpochStore.none());
        try (RewardHead head = fitted.head()) {
          double first = fitted.epochs().getFirst().loss();
          double last = fitted.epochs().getLast().loss();
          assertTrue(last < 0.8 * first, "%s: %s to %s".formatted(loss, first, last));
          // Of sums that were not learned from, nine tenths come out in order.
          List<VectorGroup> others = groups(7, 60, 0);
          Tally tally = new Tally();
          CrossValidation.addAll(tally, others, HeadTrainer.score(head, loss.readout(), others));
          assertTrue(
              tally.pairAccuracy().value() > 0.9, "%s: %s".formatted(loss, tally.pairAccuracy()));
        }
      });
    }
  }

  @Test
  void everyRowWeighsTheSameWhateverItsPairs() {
    List<VectorGroup> data = groups(1, 4, 0);
    try (Context context = Context.open()) {
      for (float center : new float[] {0, 0.5f}) {
        // Nothing is learned, so that the loss is that of the head in hand.
        HeadTrainer.Fitted fitted =
            trainer(context, new LossChoice.BradleyTerry(0.1f, 0.7f, center), 1, 0)
                .train(data, Validation.NONE, EpochStore.none());
        try (RewardHead head = fitted.head()) {
          List<List<Float>> scores = HeadTrainer.score(head, Readout.identity(), data);
          double sum = 0;
          for (int i = 0; i < data.size(); i++) {
            sum += bradleyTerry(scores.get(i), data.get(i).facts().labels(), center);
          }
          double expected = sum / data.size();
          assertEquals(expected, fitted.epochs().getFirst().loss(), 1e-5 * expected);
        }
      }
    }
  }

  @Test
  void aBatchMayBeLargerThanTheData() {
    List<VectorGroup> learned = groups(1, 5, 0);
    Validation validation = new Validation(groups(2, 9, 0), 0);
    HeadChoice head =
        new HeadChoice(Pooling.index(), List.of(6), Activation.SILU, Norm.NONE, 1, 0.3f);
    List<List<Epoch>> found = new ArrayList<>();
    try (Context context = Context.open()) {
      for (int batch : new int[] {9, Integer.MAX_VALUE}) {
        FitChoice fit =
            new FitChoice(new LossChoice.BradleyTerry(0, 1, 0), 3, batch, 1e-2f, 0.1f, 3);
        HeadTrainer trainer =
            new HeadTrainer(context, new Candidate(head, fit).spec(WIDTH), 0.3f, fit);
        HeadTrainer.Fitted fitted = trainer.train(learned, validation, EpochStore.none());
        fitted.head().close();
        found.add(fitted.epochs());
      }
    }
    assertEquals(found.getFirst(), found.getLast());
  }

  @Test
  void oneLongRowDoesNotMakeRoomForABatchOfSuch() {
    // A thousand rows of as many responses would have 2.2e9 pairs.
    int responses = 2100;
    float[] vectors = new float[responses * WIDTH];
    List<Double> labels = new ArrayList<>();
    for (int i = 0; i < responses; i++) {
      vectors[i * WIDTH] = i % 2;
      labels.add((double) (i % 2));
    }
    GroupFacts facts =
        new GroupFacts(
            PromptHash.of("long"),
            java.util.Collections.nCopies(responses, 1),
            Optional.empty(),
            labels);
    List<VectorGroup> groups = new ArrayList<>(groups(1, 999, 0));
    groups.add(new VectorGroup(1, facts, MemorySegment.ofArray(vectors)));
    HeadChoice head =
        new HeadChoice(Pooling.index(), List.of(6), Activation.SILU, Norm.NONE, 1, 0.3f);
    FitChoice fit = new FitChoice(new LossChoice.BradleyTerry(0, 1, 0), 1, 1000, 1e-2f, 0.1f, 3);
    try (Context context = Context.open()) {
      HeadTrainer trainer =
          new HeadTrainer(context, new Candidate(head, fit).spec(WIDTH), 0.3f, fit);
      HeadTrainer.Fitted fitted = trainer.train(groups, Validation.NONE, EpochStore.none());
      fitted.head().close();
      assertTrue(Double.isFinite(fitted.epochs().getFirst().loss()));
    }
  }

  /** The mean over the pairs of a row, with label smoothing 0.1 and beta 0.7. */
  private static double bradleyTerry(List<Float> scores, List<Double> labels, double center) {
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < scores.size(); i++) {
      for (int j = 0; j < scores.size(); j++) {
        if (labels.get(i) > labels.get(j)) {
          double gap = 0.7 * (scores.get(i) - scores.get(j));
          double both = scores.get(i) + scores.get(j);
          sum += 0.9 * Math.log1p(Math.exp(-gap)) + 0.1 * Math.log1p(Math.exp(gap));
          sum += center * both * both;
          pairs++;
        }
      }
    }
    return sum / pairs;
  }

  @Test
  void labelsThatDoNotFitALossAreNamed() {
    List<VectorGroup> sums = groups(1, 4, 0);
    List<VectorGroup> binary = binary(groups(1, 12, 0));
    try (Context context = Context.open()) {
      for (LossChoice loss : List.of(new LossChoice.Bce(1), new LossChoice.StepRanking(4))) {
        InvalidArgumentException refused =
            assertThrows(
                InvalidArgumentException.class,
                () -> trainer(context, loss, 1, 0).train(sums, Validation.NONE, EpochStore.none()));
        assertTrue(String.valueOf(refused.getMessage()).contains("labels"), refused.getMessage());
      }
      InvalidArgumentException ties =
          assertThrows(
              InvalidArgumentException.class,
              () ->
                  trainer(context, new LossChoice.PlackettLuce(0, 1), 1, 0)
                      .train(binary, Validation.NONE, EpochStore.none()));
      assertTrue(String.valueOf(ties.getMessage()).contains("has ties"), ties.getMessage());
    }
  }

  @Test
  void trainingThatDivergesSaysWhereAndWhatToDo() {
    List<VectorGroup> groups = groups(1, 12, 0);
    try (Context context = Context.open()) {
      InvalidArgumentException diverged =
          assertThrows(
              InvalidArgumentException.class,
              () ->
                  trainer(context, new LossChoice.BradleyTerry(0, 1, 0), 9, 1e30f)
                      .train(groups, Validation.NONE, EpochStore.none()));
      String message = String.valueOf(diverged.getMessage());
      assertTrue(
          message.matches("training has diverged: in step \\d of epoch \\d the loss is .*"),
          message);
      assertTrue(message.contains("gradients["), message);
      assertTrue(message.contains("a lower learning rate than 1.0E30"), message);
    }
  }

  @Test
  void theHeadIsThatOfTheBestEpochAndTrainingStops() {
    // Labels that mean nothing: what is learned is noise, and the validation loss rises.
    List<VectorGroup> learned = groups(4, 30, 0.5);
    Validation validation = new Validation(groups(5, 30, 0.5), 4);
    try (Context context = Context.open()) {
      HeadTrainer.Fitted fitted =
          trainer(context, 200, 3e-2f).train(learned, validation, EpochStore.none());
      int best = fitted.chosen();
      assertEquals(
          best + 4, fitted.epochs().size(), "stops after four epochs without a lower loss");
      double lowest =
          fitted.epochs().stream()
              .mapToDouble(epoch -> epoch.validation().orElseThrow().loss())
              .min()
              .orElseThrow();
      assertEquals(lowest, fitted.epochs().get(best - 1).validation().orElseThrow().loss());
      // The same run that ends with that epoch has that head.
      HeadTrainer.Fitted again =
          trainer(context, best, 3e-2f).train(learned, Validation.NONE, EpochStore.none());
      assertEquals(parameters(again.head()), parameters(fitted.head()));
      again.head().close();
      fitted.head().close();
    }
  }
}
