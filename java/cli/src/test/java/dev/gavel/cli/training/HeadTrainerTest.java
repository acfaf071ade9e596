package dev.gavel.cli.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.Activation;
import dev.gavel.Context;
import dev.gavel.FormatException;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Norm;
import dev.gavel.Optimizer;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.run.WholeFile;
import dev.gavel.cli.training.data.VectorGroup;
import dev.gavel.cli.training.folder.Checkpoints;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training that is interrupted, and training that ends early. */
class HeadTrainerTest {
  private static final int WIDTH = 8;
  private static final int EPOCHS = 9;
  private static final RunSettings SETTINGS = new RunSettings(Map.of("seed", "3"));

  @TempDir private Path folder;

  private static HeadTrainer trainer(Context context, int epochs, float learningRate) {
    return trainer(context, Norm.LAYER, new LossChoice.BradleyTerry(0, 1, 0), epochs, learningRate);
  }

  // Without a norm, which would take the sum out of a vector.
  private static HeadTrainer trainer(
      Context context, LossChoice loss, int epochs, float learningRate) {
    return trainer(context, Norm.NONE, loss, epochs, learningRate);
  }

  private static HeadTrainer trainer(
      Context context, Norm norm, LossChoice loss, int epochs, float learningRate) {
    HeadChoice head = new HeadChoice(Pooling.index(), List.of(6), Activation.SILU, norm, 1, 0.3f);
    FitChoice fit = new FitChoice(loss, epochs, 4, learningRate, 0.1f, 3);
    return new HeadTrainer(
        context, new Candidate(head, fit).spec(WIDTH), head.initDeviation(), fit);
  }

  // The better response has the larger sum, but for some where it has not.
  private static List<VectorGroup> groups(int seed, int count, double noise) {
    SplittableRandom random = new SplittableRandom(seed);
    List<VectorGroup> groups = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int responses = 2 + i % 3;
      float[] vectors = new float[responses * WIDTH];
      List<Double> labels = new ArrayList<>();
      for (int response = 0; response < responses; response++) {
        double sum = 0;
        for (int j = 0; j < WIDTH; j++) {
          vectors[response * WIDTH + j] = (float) random.nextDouble(-1, 1);
          sum += vectors[response * WIDTH + j];
        }
        labels.add(random.nextDouble() < noise ? -sum : sum);
      }
      GroupFacts facts =
          new GroupFacts(
              PromptHash.of("p" + seed + "-" + i),
              java.util.Collections.nCopies(responses, 1),
              Optional.empty(),
              labels);
      groups.add(new VectorGroup(1, facts, MemorySegment.ofArray(vectors)));
    }
    return groups;
  }

  private static List<List<Float>> parameters(RewardHead head) {
    List<List<Float>> all = new ArrayList<>();
    for (HeadSpec.Parameter parameter : head.spec().parameters()) {
      try (HostTensor values = head.parameter(parameter.name())) {
        List<Float> list = new ArrayList<>();
        for (float value : values.toFloats()) {
          list.add(value);
        }
        all.add(list);
      }
    }
    return all;
  }

  /** Is killed after an epoch, once its state is kept. */
  private record Killed(EpochStore store, int after) implements EpochStore {
    @Override
    public Saved restore(Optimizer optimizer) {
      return store.restore(optimizer);
    }

    @Override
    public void save(List<Epoch> epochs, Optimizer optimizer, Optional<RewardHead> best) {
      store.save(epochs, optimizer, best);
      if (epochs.size() == after) {
        throw new IllegalStateException("killed");
      }
    }
  }

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
  void aRunThatIsKilledAfterAnyEpochEndsWithTheSameBits() throws IOException {
    List<VectorGroup> learned = groups(1, 50, 0.2);
    Validation validation = new Validation(groups(2, 20, 0.2), 3);
    try (Context context = Context.open()) {
      HeadTrainer trainer = trainer(context, EPOCHS, 1e-2f);
      HeadTrainer.Fitted whole = trainer.train(learned, validation, EpochStore.none());
      List<List<Float>> expected = parameters(whole.head());
      whole.head().close();
      for (int after = 1; after <= whole.epochs().size(); after++) {
        Path place = Files.createDirectory(folder.resolve("killed-" + after));
        try (Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
          Killed killed = new Killed(kept, after);
          assertThrows(
              IllegalStateException.class, () -> trainer.train(learned, validation, killed));
        }
        assertTrue(Checkpoints.isUnfinished(place));
        try (Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
          HeadTrainer.Fitted fitted = trainer.train(learned, validation, kept);
          assertEquals(whole.epochs(), fitted.epochs());
          assertEquals(whole.chosen(), fitted.chosen());
          assertEquals(expected, parameters(fitted.head()), "killed after " + after);
          fitted.head().close();
          kept.finish();
        }
        assertFalse(Files.exists(place.resolve("checkpoint")));
      }
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

  @Test
  void aStateOfOtherSettingsOrOfAnotherRunIsRefused() throws IOException {
    List<VectorGroup> learned = groups(1, 10, 0);
    Path place = Files.createDirectory(folder.resolve("out"));
    try (Context context = Context.open();
        Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
      Killed killed = new Killed(kept, 1);
      assertThrows(
          IllegalStateException.class,
          () -> trainer(context, 2, 1e-2f).train(learned, Validation.NONE, killed));
      InvalidArgumentException busy =
          assertThrows(
              InvalidArgumentException.class, () -> Checkpoints.open(place, SETTINGS, true));
      assertTrue(String.valueOf(busy.getMessage()).contains("another run"));
    }
    InvalidArgumentException other =
        assertThrows(
            InvalidArgumentException.class,
            () -> Checkpoints.open(place, new RunSettings(Map.of("seed", "4")), true));
    assertTrue(String.valueOf(other.getMessage()).contains("seed was 3, now 4"));
    // A bit of a moment would give other bytes, and nothing else could tell.
    Path optimizer = place.resolve("checkpoint/optimizer-000001.safetensors");
    byte[] good = Files.readAllBytes(optimizer);
    byte[] bad = good.clone();
    bad[bad.length - 2] ^= 1;
    Files.write(optimizer, bad);
    refusesAsChanged(place, learned);
    Files.write(optimizer, good);
    Path state = place.resolve("checkpoint/state.json");
    String epochs = Files.readString(state);
    Files.writeString(state, epochs.replaceFirst("\"loss\" : 0", "\"loss\" : 1"));
    refusesAsChanged(place, learned);
    Files.writeString(state, epochs);
    // Whoever knows how to write the checksum names no file elsewhere either.
    ObjectNode forged = (ObjectNode) new JsonMapper().readTree(epochs);
    forged.remove("check");
    forged.put("optimizer", "../../optimizer-000001.safetensors");
    forged.put("check", WholeFile.checksum(forged.toString()));
    Files.writeString(state, forged.toString());
    try (Context context = Context.open();
        Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
      assertThrows(
          FormatException.class,
          () -> trainer(context, 2, 1e-2f).train(learned, Validation.NONE, kept));
    }
  }

  private static void refusesAsChanged(Path place, List<VectorGroup> learned) {
    FormatException refused =
        assertThrows(
            FormatException.class,
            () -> {
              try (Context context = Context.open();
                  Checkpoints kept = Checkpoints.open(place, SETTINGS, true)) {
                trainer(context, 2, 1e-2f).train(learned, Validation.NONE, kept);
              }
            });
    assertTrue(
        String.valueOf(refused.getMessage()).contains("was changed since"), refused.getMessage());
    assertTrue(Checkpoints.isUnfinished(place));
  }
}
