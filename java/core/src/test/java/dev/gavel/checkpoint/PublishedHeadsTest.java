package dev.gavel.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HostTensor;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import dev.gavel.Spans;
import dev.gavel.UnsupportedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every published layout, built with small random weights, gives the scores of the published
 * arithmetic: recognised, loaded and run, against double precision.
 */
class PublishedHeadsTest {
  private static final double ROUNDING = 0x1p-24;
  private static final int ROWS = 9;
  private static final int[] FIRST = {0, 2, 5};
  private static final int[] LAST = {1, 4, 8};

  @TempDir private Path directory;

  @TestFactory
  Stream<DynamicTest> everyHeadScoresAsPublished() {
    return PublishedModels.all().stream()
        .flatMap(model ->
            model.types().stream()
                .map(dtype ->
                    DynamicTest.dynamicTest(
                        model.name() + ", " + dtype, () -> check(model, dtype))));
  }

  /** The reference is right: LibTorch's operations in double precision give the same. */
  @TestFactory
  Stream<DynamicTest> libTorchComputesTheSame() {
    try {
      Loader.load(torch.class);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      abort(
          "LibTorch has no natives for this platform, %s: %s"
              .formatted(Loader.getPlatform(), e.getMessage()));
    }
    return PublishedModels.all().stream()
        .map(model -> DynamicTest.dynamicTest(model.name(), () -> compareWithLibTorch(model)));
  }

  private void compareWithLibTorch(PublishedModel model) {
    Path path = directory.resolve("torch" + model.name().replaceAll("[^A-Za-z0-9]", "_"));
    TestFolder folder = new TestFolder(path, DType.F32, 17);
    model.build().accept(folder);
    TestTensor states =
        TestTensor.random(new SplittableRandom(6), 1, DType.F32, ROWS, TestFolder.WIDTH);
    PointerScope natives = new PointerScope();
    try {
      for (int r = 0; r < FIRST.length; r++) {
        double[] vector = pool(states, model.pooling(), r);
        double[] plain = model.score().apply(folder, Reference.of(vector)).value();
        double[] libTorch =
            model.score().apply(folder, TorchValues.of(vector, ScalarType.Double)).value();
        assertArrayEquals(libTorch, plain, 1e-12);
      }
    } finally {
      natives.close();
    }
  }

  /** What is documented is what is recognised. */
  @Test
  void everyPatternIsDocumented() throws IOException {
    String page = Files.readString(Path.of("..", "..", "docs", "checkpoints.md"));
    for (HeadPattern pattern : HeadPattern.values()) {
      assertTrue(page.contains("| `" + pattern + "` |"), pattern + " has no row in checkpoints.md");
    }
  }

  /** A pattern that is added must be added to the published models here, too. */
  @Test
  void everyPatternHasAModel() {
    Set<HeadPattern> run =
        PublishedModels.all().stream()
            .map(PublishedModel::pattern)
            .collect(Collectors.toCollection(() -> EnumSet.noneOf(HeadPattern.class)));
    // Those with a gate are in PublishedGatedHeadsTest.
    run.addAll(EnumSet.of(HeadPattern.ARMORM, HeadPattern.QRM, HeadPattern.LDL));
    assertEquals(EnumSet.allOf(HeadPattern.class), run);
  }

  private void check(PublishedModel model, DType dtype) {
    Path path = directory.resolve((model.name() + dtype).replaceAll("[^A-Za-z0-9]", "_"));
    TestFolder folder = new TestFolder(path, dtype, model.name().hashCode());
    model.build().accept(folder);
    HeadCheckpoint checkpoint = model.read().apply(path);
    assertEquals(model.pattern(), checkpoint.pattern());
    assertEquals(model.rows(), checkpoint.rows());
    assertEquals(model.pooling(), checkpoint.pooling());
    assertEquals(model.readout(), checkpoint.readout());
    compare(model, folder, checkpoint, checkpoint.spec().dtype());
    compare(model, folder, checkpoint, DType.F32);
  }

  private static void compare(
      PublishedModel model, TestFolder folder, HeadCheckpoint checkpoint, DType dtype) {
    TestTensor states =
        TestTensor.random(new SplittableRandom(5), 1, dtype, ROWS, TestFolder.WIDTH);
    try (Context context = Context.open();
        RewardHead head = checkpoint.load(context, dtype);
        HostTensor hidden = states.host();
        PackedBatch batch = PackedBatch.joint(hidden, Spans.of(FIRST, LAST));
        ScoreBatch scores = ScoreBatch.allocate(head.spec(), FIRST.length)) {
      head.score(batch, checkpoint.pooling(), checkpoint.readout(), scores);
      float[] found = scores.toArray();
      for (int r = 0; r < FIRST.length; r++) {
        Reference vector = Reference.of(pool(states, checkpoint.pooling(), r));
        Reference expected = (Reference) model.score().apply(folder, vector);
        int outputs = expected.value().length;
        for (int k = 0; k < outputs; k++) {
          // As many roundings as the longest sums have terms, and a few for the functions.
          double bound = ROUNDING * (2.0 * TestFolder.WIDTH + 64) * (expected.size()[k] + 1e-3);
          // A mean, sum or difference of rows is rounded once to the head's type.
          if (!(checkpoint.pooling() instanceof Pooling.Index) && dtype != DType.F32) {
            bound = 0x1p-8 * expected.size()[k];
          }
          assertEquals(
              expected.value()[k],
              found[r * outputs + k],
              bound,
              "response %d, output %d".formatted(r, k));
        }
        assertTrue(found.length == FIRST.length * outputs, "outputs");
      }
    }
  }

  private static double[] pool(TestTensor states, Pooling pooling, int response) {
    int width = TestFolder.WIDTH;
    int a = FIRST[response];
    int b = LAST[response];
    double[] vector = new double[(int) pooling.vectorWidth(width)];
    for (int d = 0; d < width; d++) {
      switch (pooling) {
        case Pooling.All() -> throw new AssertionError("no published head scores every row");
        case Pooling.Index() -> vector[d] = states.at(b, d);
        case Pooling.SpanMean() -> {
          for (int t = a; t <= b; t++) {
            vector[d] += states.at(t, d) / (b - a + 1);
          }
        }
        case Pooling.FirstLast(Pooling.Combine combine) -> {
          switch (combine) {
            case CONCAT -> {
              vector[d] = states.at(a, d);
              vector[width + d] = states.at(b, d);
            }
            case ADD -> vector[d] = states.at(a, d) + states.at(b, d);
            case SUB -> vector[d] = states.at(b, d) - states.at(a, d);
          }
        }
      }
    }
    return vector;
  }

  /** The stored mean and deviation can be had whether or not the checkpoint applies them. */
  @Test
  void standardisersAreThereWithoutBeingApplied() {
    for (PublishedModel model : PublishedModels.all()) {
      boolean stores =
          List.of("OpenRLHF with mean and std, not applied", "beaver cost, not applied")
              .contains(model.name());
      if (stores) {
        TestFolder folder =
            new TestFolder(directory.resolve(model.name().replace(' ', '_')), DType.F32, 3);
        model.build().accept(folder);
        HeadCheckpoint checkpoint = model.read().apply(folder.path);
        assertEquals(dev.gavel.Readout.identity(), checkpoint.readout());
        assertTrue(checkpoint.standardiser().isPresent(), model.name());
      }
    }
  }

  /** Transformers' own classes find the last token by its id where they know one of padding. */
  @Test
  void classifiersOfTransformersAreReadInFrontOfPadding() {
    ScoredRows last = new ScoredRows.LastToken();
    String llama = "LlamaForSequenceClassification";
    assertEquals(new ScoredRows.LastNonPadding(0), rows("zero", llama, "\"pad_token_id\": 0"));
    assertEquals(last, rows("none", llama, "\"pad_token_id\": null"));
    assertEquals(last, rows("old", llama, "\"pad_token_id\": -1"));
    assertEquals(last, rows("other", "LlamaForScalarRewards", "\"pad_token_id\": 7"));
  }

  private ScoredRows rows(String name, String architecture, String more) {
    TestFolder folder =
        new TestFolder(directory.resolve(name), DType.F32, 3)
            .with("score.weight", 1, TestFolder.WIDTH)
            .config(TestFolder.config(architecture, more))
            .single();
    return HeadCheckpoint.read(folder.path).rows();
  }

  /** Gemma 2's scores would be those before its cap: -0.631 for transformers' -0.622. */
  @Test
  void rowsWhoseLogitsAreChangedAreRefused() {
    TestFolder plain = vocabulary("plain", "\"final_logit_softcapping\": null, \"logit_scale\": 1");
    assertEquals(
        HeadPattern.NEMOTRON,
        HeadCheckpoint.read(plain.single().path, HeadPattern.NEMOTRON).pattern());
    for (String more : List.of("\"final_logit_softcapping\": 30.0", "\"logit_scale\": 0.0625")) {
      String key = more.substring(1, more.indexOf(':') - 1);
      Path path = vocabulary(key, more).single().path;
      Refusals.refuses(
          UnsupportedException.class,
          () -> HeadCheckpoint.read(path, HeadPattern.NEMOTRON),
          "has " + key + " = ",
          "logits are not the products");
    }
    Path biased = vocabulary("biased", "").with("lm_head.bias", 40).single().path;
    Refusals.refuses(
        UnsupportedException.class,
        () -> HeadCheckpoint.read(biased, HeadPattern.NEMOTRON),
        "lm_head.bias");
  }

  private TestFolder vocabulary(String name, String more) {
    return new TestFolder(directory.resolve(name), DType.F32, 3)
        .with("lm_head.weight", 40, TestFolder.WIDTH)
        .config(TestFolder.config("Gemma2ForCausalLM", more));
  }
}
