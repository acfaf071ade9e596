package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.RewardHead;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.checkpoint.HeadCheckpoint;
import dev.gavel.checkpoint.HeadPattern;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tokens, hidden states and scores against what the reference code says of tiny random models
 * (docs/export-backbone.md). References are float64; the bound of each is what f32 arithmetic may
 * take it away, from a running error analysis of the reference's own operations.
 */
class ParityTest {
  @TempDir private Path folder;

  private static RewardModel load(ParityFixture fixture) {
    RewardModel.Options options = RewardModel.Options.defaults();
    String kind = fixture.reference().get("class").asText();
    ModelChoices choices =
        switch (kind) {
          case "Qwen2ForProcessRewardModel" ->
              ModelChoices.none().withStepReduction(StepReduction.MIN);
          case "transformers.LlamaForCausalLM" ->
              ModelChoices.none().withPattern(HeadPattern.NEMOTRON);
          default -> ModelChoices.none();
        };
    return RewardModel.load(fixture.folder().toString(), options.withChoices(choices));
  }

  private static TextBackbone.Tokenized prepare(
      RewardModel model, String prompt, List<String> responses) {
    return model.scoresSteps()
        ? model.prepareSteps(Prompt.text(prompt), List.of(responses))
        : model.prepare(Prompt.text(prompt), responses);
  }

  private static List<Float> flat(RewardModel model, GroupScore score) {
    return model.scoresSteps() ? score.steps().getFirst() : score.scores();
  }

  private static void assertScores(
      ParityFixture.Sequence expected, List<Float> scores, String what) {
    assertEquals(expected.scores(), scores.size(), what);
    for (int i = 0; i < scores.size(); i++) {
      assertEquals(expected.score(i), scores.get(i), expected.bound(i), what + ", score " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama",
        "llama-packed",
        "qwen2",
        "qwen3",
        "gemma2",
        "mistral",
        "gpt-neox",
        "deberta-v2",
        "xlm-roberta",
        "bert",
        "nemotron",
        "armorm",
        "qrm",
        "ldl",
        "inf-orm",
        "qwen2.5-math-rm",
        "qwen2.5-math-prm",
        "grm",
        "internlm2-reward",
        "oasst-pythia-mean",
        "oasst-pythia-last",
        "yojo"
      })
  void tokensHiddenStatesAndScoresAreTheReferences(String name) {
    ParityFixture fixture = ParityFixture.into(folder, name);
    String prompt = fixture.reference().get("prompt").asText();
    try (RewardModel model = load(fixture)) {
      for (ParityFixture.Sequence expected : fixture.sequences()) {
        PackedGroup.Sequence sequence =
            new PackedGroup.Sequence(expected.ids(), Spans.ofRows(expected.rows()));
        assertHidden(model.text().backbone(), expected);
        try (HiddenBatch hidden = model.hidden(List.of(model.text().located(sequence)))) {
          List<Float> values = model.score(hidden);
          assertEquals(model.width() * expected.scores(), values.size(), name);
          List<Float> scores = new ArrayList<>();
          for (int i = 0; i < values.size(); i += model.width()) {
            scores.add(values.get(i));
          }
          assertScores(expected, scores, name + " from tokens");
        }
        if (!expected.responses().isEmpty()) {
          TextBackbone.Tokenized group = prepare(model, prompt, expected.responses());
          assertEquals(expected.ids(), group.packed().sequences().getFirst().ids(), name);
          GroupScore score = model.score(List.of(group)).getFirst();
          assertScores(expected, flat(model, score), name + " from texts");
          assertObjectives(expected, score, name);
        }
      }
    }
  }

  private static void assertObjectives(
      ParityFixture.Sequence expected, GroupScore score, String name) {
    assertEquals(expected.objectives().size(), score.objectives().size(), name);
    for (int k = 0; k < score.objectives().size(); k++) {
      // One is a part of the score, and its error of that of the score but for the weights.
      assertEquals(
          expected.objectives().get(k),
          score.objectives().get(k).values().getFirst(),
          4 * expected.bound(0),
          "%s, objective %s".formatted(name, score.objectives().get(k).name()));
      assertSpread(score.objectives().get(k), name);
    }
  }

  /** The quantiles of QRM have the objective as their mean; the levels of LDL lie in 0 to 1. */
  private static void assertSpread(GroupScore.Objective objective, String name) {
    switch (objective.spread()) {
      case Spread.None() -> assertEquals("armorm", name);
      case Spread.Quantiles(List<List<Float>> values) -> {
        assertEquals("qrm", name);
        assertEquals(
            objective.values().getFirst(),
            values.getFirst().stream().mapToDouble(Float::doubleValue).average().orElseThrow(),
            1e-5);
      }
      case Spread.Variance(List<Float> values) -> {
        assertEquals("ldl", name);
        double mean = objective.values().getFirst();
        // Bhatia and Davis: (1 - m) m bounds it.
        assertTrue(values.getFirst() > 0 && values.getFirst() <= (1 - mean) * mean, name);
      }
    }
  }

  private static void assertHidden(Backbone backbone, ParityFixture.Sequence expected) {
    try (HostTensor hidden =
        HostTensor.allocate(DType.F32, expected.ids().size(), backbone.width())) {
      backbone.run(List.of(expected.ids()), hidden);
      int[] rows = expected.rows();
      for (int i = 0; i < rows.length; i++) {
        for (int column = 0; column < backbone.width(); column++) {
          assertEquals(
              expected.hidden(i, column),
              hidden.floatAt((long) rows[i] * backbone.width() + column),
              expected.hiddenBound(i),
              "row %d, column %d".formatted(rows[i], column));
        }
      }
    }
  }

  /** All responses in one sequence with the prompt once: the same scores, within the same bound. */
  @ParameterizedTest
  @ValueSource(strings = {"llama-packed", "qwen3", "gemma2", "mistral"})
  void responsesThatShareTheirPromptScoreAsAlone(String name) {
    ParityFixture fixture = ParityFixture.into(folder, name);
    List<ParityFixture.Sequence> alone =
        fixture.sequences().stream().filter(each -> !each.responses().isEmpty()).toList();
    List<String> responses = alone.stream().map(each -> each.responses().getFirst()).toList();
    try (RewardModel model = load(fixture)) {
      GroupScore score = model.score(fixture.reference().get("prompt").asText(), responses);
      assertEquals(Layout.INDEPENDENT, score.layout());
      assertEquals(1, score.passes());
      assertTrue(score.sharedTokens() > 50, () -> "shared " + score.sharedTokens());
      for (int i = 0; i < responses.size(); i++) {
        assertEquals(
            alone.get(i).score(0), score.scores().get(i), alone.get(i).bound(0), "response " + i);
      }
      List<String> reversed = responses.reversed();
      List<Float> again =
          model.score(fixture.reference().get("prompt").asText(), reversed).scores();
      for (int i = 0; i < responses.size(); i++) {
        ParityFixture.Sequence own = alone.get(responses.size() - 1 - i);
        assertEquals(own.score(0), again.get(i), own.bound(0), "reversed, response " + i);
      }
    }
  }

  /** In an encoder the prompt's states depend on the response: each pair runs by itself. */
  @ParameterizedTest
  @ValueSource(strings = {"xlm-roberta", "llama", "oasst-pythia-mean"})
  void nothingIsSharedWhereItWouldChangeScores(String name) {
    ParityFixture fixture = ParityFixture.into(folder, name);
    try (RewardModel model = load(fixture)) {
      GroupScore score = model.score("a prompt", List.of("one", "two", "three"));
      assertEquals(0, score.sharedTokens());
      assertEquals(3, score.passes());
    }
  }

  /**
   * The class reads the last token that is not the padding token, on either side of padding. Where
   * that token also ends texts, it is not the last token: the rule is LAST_NON_PAD_ID, by name.
   */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "gemma2"})
  void paddedBatchesAreReadWhereTheClassReadsThem(String name) {
    ParityFixture fixture = ParityFixture.into(folder, name);
    try (RewardModel model = load(fixture)) {
      for (JsonNode batch : fixture.reference().get("padded")) {
        long pad = batch.get("pad_id").asLong();
        for (int i = 0; i < batch.get("scores").size(); i++) {
          long[] ids = ParityFixture.longs(batch.get("ids").get(i));
          long[] mask = ParityFixture.longs(batch.get("mask").get(i));
          int begin = 0;
          while (mask[begin] == 0) {
            begin++;
          }
          TokenSequence sequence = TokenSequence.masked(ids, mask, begin);
          int read = IndexRule.lastNonPadId(pad).spans(sequence).last(0);
          int last = IndexRule.lastByMask().spans(sequence).last(0);
          boolean endsTexts = ids[last] == pad;
          assertEquals(endsTexts ? last - 1 : last, read);
          Tokens upTo = Tokens.of(java.util.Arrays.copyOfRange(ids, begin, read + 1));
          double bound = bound(fixture, upTo);
          double reference = batch.get("scores").get(i).asDouble();
          String what = "%s of %s, padding %d".formatted(i, batch.get("side").asText(), pad);
          assertEquals(reference, score(model, upTo), 2 * bound, what);
          if (endsTexts) {
            Tokens whole = Tokens.of(java.util.Arrays.copyOfRange(ids, begin, last + 1));
            assertNotEquals(reference, score(model, whole), 10 * bound, what);
          }
        }
      }
    }
  }

  /** The same from texts, where the configuration calls the token that ends them padding. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "gemma2"})
  void textsAreReadWhereTheClassReadsThem(String name) throws IOException {
    ParityFixture fixture = ParityFixture.into(folder, name);
    Path config = folder.resolve("config.json");
    String padded =
        Files.readString(config)
            .replace("\"pad_token_id\": 262", "\"pad_token_id\": " + ByteTokenizer.END);
    Files.writeString(config, padded);
    List<String> responses =
        fixture.sequences().stream().flatMap(each -> each.responses().stream()).toList();
    int compared = 0;
    try (RewardModel model = load(fixture)) {
      GroupScore score = model.score(fixture.reference().get("prompt").asText(), responses);
      for (JsonNode batch : fixture.reference().get("padded")) {
        if (batch.get("pad_id").asLong() == ByteTokenizer.END) {
          for (int i = 0; i < responses.size(); i++, compared++) {
            long[] ids = fixture.sequences().get(i).ids().toArray();
            Tokens read = Tokens.of(java.util.Arrays.copyOf(ids, ids.length - 1));
            assertEquals(
                batch.get("scores").get(i).asDouble(),
                score.scores().get(i),
                2 * bound(fixture, read),
                "response " + i);
          }
        }
      }
    }
    assertEquals(2 * responses.size(), compared);
  }

  /** Its 256 positions begin behind the padding token's, 1: a 255th token would have none. */
  @Test
  void robertaHasTwoPositionsThatNoTokenHas() {
    ParityFixture fixture = ParityFixture.into(folder, "xlm-roberta");
    try (RewardModel model = load(fixture)) {
      assertEquals(254, model.budget().context());
      GroupScore score = model.score("a".repeat(200), List.of("b".repeat(200)));
      assertTrue(Float.isFinite(score.scores().getFirst()), () -> score.scores().toString());
    }
  }

  private static double bound(ParityFixture fixture, Tokens ids) {
    return fixture.sequences().stream()
        .filter(sequence -> sequence.ids().equals(ids))
        .findFirst()
        .orElseThrow()
        .bound(0);
  }

  private static float score(RewardModel model, Tokens ids) {
    PackedGroup.Sequence sequence = new PackedGroup.Sequence(ids, Spans.ofRows(ids.size() - 1));
    try (HiddenBatch hidden = model.hidden(List.of(sequence))) {
      return model.score(hidden).getFirst();
    }
  }

  /** The probability of one token against another, from tied embeddings, is asked for by ids. */
  @Test
  void qwen3RerankerIsTwoRowsOfItsVocabulary() {
    ParityFixture fixture = ParityFixture.into(folder, "qwen3-reranker");
    HeadCheckpoint checkpoint =
        HeadCheckpoint.readVocabularyRows(
            folder,
            fixture.reference().get("positive").asLong(),
            fixture.reference().get("negative").asLong());
    try (Context context = Context.open();
        RewardHead head = checkpoint.load(context, DType.F32);
        OnnxBackbone backbone =
            OnnxBackbone.load(folder.resolve("model.onnx"), OnnxBackbone.Options.defaults())) {
      for (ParityFixture.Sequence expected : fixture.sequences()) {
        assertHidden(backbone, expected);
        int tokens = expected.ids().size();
        try (HostTensor hidden = HostTensor.allocate(DType.F32, tokens, backbone.width())) {
          backbone.run(List.of(expected.ids()), hidden);
          try (PackedBatch batch = PackedBatch.joint(hidden, Spans.ofRows(expected.rows()))) {
            List<Float> scores = new ArrayList<>();
            for (float score : head.score(batch, checkpoint.pooling(), checkpoint.readout())) {
              scores.add(score);
            }
            assertScores(expected, scores, "qwen3-reranker");
          }
        }
      }
    }
  }

  @Test
  void blocksSayWhatSeesWhat() {
    Blocks blocks = new Blocks(2, List.of(1, 2));
    assertArrayEquals(new long[] {0, 1, 2, 2, 3}, blocks.positions(5));
    assertEquals("10000 11000 11100 11010 11011", mask(blocks, 5, true));
    assertEquals("11000 11000 11100 11011 11011", mask(blocks, 5, false));
    assertArrayEquals(new long[] {0, 1, 2}, Blocks.none().positions(3));
    assertEquals("100 110 111", mask(Blocks.none(), 3, true));
    assertEquals("111 111 111", mask(Blocks.none(), 3, false));
  }

  private static String mask(Blocks blocks, int rows, boolean causal) {
    java.nio.ByteBuffer mask = java.nio.ByteBuffer.allocate(rows * rows);
    blocks.write(rows, causal, mask);
    List<String> lines = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < rows; column++) {
        line.append(mask.get(row * rows + column));
      }
      lines.add(line.toString());
    }
    return String.join(" ", lines);
  }

  /**
   * What is read is never shared, however alike responses begin, and no sequence grows too long.
   */
  @Test
  void sequencesAreJoinedUpToTheFirstRowThatIsRead() {
    List<PackedGroup.Sequence> alone =
        List.of(
            new PackedGroup.Sequence(
                Tokens.of(1, 2, 3, 5, 9), Spans.of(new int[] {3}, new int[] {4})),
            new PackedGroup.Sequence(Tokens.of(1, 2, 3, 5), Spans.of(new int[] {3}, new int[] {3})),
            new PackedGroup.Sequence(
                Tokens.of(1, 2, 3, 6), Spans.of(new int[] {3}, new int[] {3})));
    PackedGroup group =
        new PackedGroup(
            Layout.INDEPENDENT, alone, 3, 0, List.of(2, 1, 1), List.of(0, 0, 0), List.of());
    PackedGroup joined = SharedPrompt.join(group, 6);
    assertEquals(2, joined.sequences().size());
    PackedGroup.Sequence first = joined.sequences().getFirst();
    assertEquals(Tokens.of(1, 2, 3, 5, 9, 5), first.ids());
    assertEquals(new Blocks(3, List.of(2, 1)), first.blocks());
    assertEquals(3, first.spans().first(0));
    assertEquals(4, first.spans().last(0));
    assertEquals(5, first.spans().first(1));
    assertEquals(alone.getLast(), joined.sequences().getLast());
    assertEquals(3, joined.sharedTokens());
    assertEquals(group, SharedPrompt.join(group, 4));
  }
}
