package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.FileException;
import dev.gavel.GavelException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.aggregation.StepReduction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Folders of published models with an ONNX backbone, from text to scores. The hidden state of token
 * t is {@code [t, t + 0.5]}, so a linear head of ones gives {@link ModelFolder#score(long)}.
 */
class PublishedFolderTest {
  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    PublishedFiles.files(folder);
  }

  @Test
  void theTokenizersLimitBoundsTheContext() {
    sequenceClassification();
    String config = ModelFolder.read(folder, "tokenizer_config.json");
    String unlimited = "1000000000000000019884624838656";
    ModelFolder.write(folder, "tokenizer_config.json", config.replace(unlimited, "48"));
    try (RewardModel model = load()) {
      assertEquals(48, model.budget().context());
    }
    for (String wrong : new String[] {"0", "-1", "1.5", "\"48\""}) {
      ModelFolder.write(folder, "tokenizer_config.json", config.replace(unlimited, wrong));
      refused(FileException.class, "has model_max_length = " + wrong);
    }
  }

  private void tokenizerConfig(String more) {
    PublishedFiles.tokenizerConfig(folder, more);
  }

  private void config(String architecture, String type, String more) {
    PublishedFiles.config(folder, architecture, type, more);
  }

  private void head(String file, Map<String, float[]> tensors) {
    PublishedFiles.head(folder, file, tensors);
  }

  private void sequenceClassification() {
    config("LlamaForSequenceClassification", "llama", "\"num_labels\": 1");
    head("model.safetensors", Map.of("score.weight", new float[] {1, 1}));
  }

  private RewardModel load() {
    return RewardModel.load(folder.toString());
  }

  private <E extends GavelException> void refused(Class<E> type, String... texts) {
    E refused = assertThrows(type, () -> load().close());
    for (String text : texts) {
      assertTrue(
          String.valueOf(refused.getMessage()).contains(text),
          () -> "expected '%s' in: %s".formatted(text, refused.getMessage()));
    }
  }

  /** Each response alone, templated, read at its last token. */
  @Test
  void aSequenceClassifierIsReadAtTheLastToken() {
    sequenceClassification();
    try (RewardModel model = load()) {
      GroupScore score = model.score("question", List.of("ab", "z", "c"));
      assertEquals(ModelFolder.scores('b', 'z', 'c'), score.scores());
      assertEquals(Layout.INDEPENDENT, score.layout());
      assertEquals(3, score.passes());
      assertEquals("identity", score.readout());
      assertTrue(score.template().startsWith("tokenizer_config.json sha256:"), score.template());
      assertEquals(64, model.budget().context());
      assertEquals(folder.getFileName().toString(), model.config().name());
    }
  }

  /** A conversation goes through the same template; its own file is preferred. */
  @Test
  void theTemplateInAFileOfItsOwnIsPreferred() {
    sequenceClassification();
    ModelFolder.write(
        folder,
        "chat_template.jinja",
        "{% for m in messages %}{{ bos_token }}{{ m.content }}{% endfor %}{{ eos_token }}");
    try (RewardModel model = load()) {
      Prompt prompt = Prompt.messages(List.of(ChatMessage.of("user", "q")));
      GroupScore score = model.score(prompt, List.of("a", "b"));
      assertEquals(ModelFolder.scores(ByteTokenizer.END, ByteTokenizer.END), score.scores());
      assertTrue(score.template().startsWith("chat_template.jinja"), score.template());
    }
  }

  @Test
  void ofSeveralTemplatesTheDefaultIsTaken() {
    sequenceClassification();
    tokenizerConfig(
        "\"chat_template\": [{\"name\": \"tool\", \"template\": \"x\"}, {\"name\": \"default\","
            + " \"template\": \""
            + PublishedFiles.TEMPLATE
            + "\"}]");
    try (RewardModel model = load()) {
      assertEquals(ModelFolder.scores('b'), model.score("q", List.of("ab")).scores());
    }
    tokenizerConfig("\"chat_template\": [{\"name\": \"tool\", \"template\": \"x\"}]");
    refused(FileException.class, "a list with one called default");
  }

  /** One response at a time: a joint layout would put what the model never saw between two. */
  @Test
  void aModelWithoutASeparatorHasNoJointLayout() {
    sequenceClassification();
    InvalidArgumentException refused =
        assertThrows(
            InvalidArgumentException.class,
            () ->
                RewardModel.load(
                    folder.toString(), RewardModel.Options.defaults().withLayout(Layout.JOINT)));
    assertTrue(
        String.valueOf(refused.getMessage()).contains("judges one response at a time"),
        refused.getMessage());
  }

  @Test
  void internlm2IsReadAtItsRewardToken() {
    config("InternLM2ForRewardModel", "internlm2", "\"reward_token_id\": 259");
    head("model.safetensors", Map.of("v_head.weight", new float[] {1, 1}));
    try (RewardModel model = load()) {
      assertEquals(
          ModelFolder.scores(ByteTokenizer.END, ByteTokenizer.END),
          model.score("q", List.of("a", "b")).scores());
    }
    config("InternLM2ForRewardModel", "internlm2", "\"reward_token_id\": 92527");
    refused(FileException.class, "has no added token 92527, at which the model is read");
  }

  private void yojo() {
    config("Molmo2ForConditionalGeneration", "molmo2", "");
    head("value_head.safetensors", Map.of("weight", new float[] {1, 1}, "bias", new float[] {3}));
    ModelFolder.write(
        folder,
        "reward_model_config.json",
        """
        {"value_head_type": "linear", "value_head_hidden_dim": null,
         "value_head_activation": "selu", "value_head_input_dim": 2, "resp_repr_mode": "last"}
        """);
  }

  /** YOJO: responses in one sequence, read before each separator, divided by the root of H. */
  @Test
  void yojoIsReadBeforeItsSeparators() {
    yojo();
    try (RewardModel model = load()) {
      GroupScore score = model.score("question", List.of("ab", "z.", "c"));
      assertEquals(Layout.JOINT, score.layout());
      assertEquals(1, score.passes());
      // Before a separator stand two line ends, which this tokenizer joins, also with a full stop.
      long[] read = {ByteTokenizer.LINES, ByteTokenizer.STOP_LINES, 'c'};
      for (int i = 0; i < read.length; i++) {
        assertEquals(
            (ModelFolder.score(read[i]) + 3) / Math.sqrt(2),
            score.scores().get(i),
            1e-4,
            "response " + i);
      }
    }
  }

  /** Two separators between prompt and response, read at the first token. */
  @Test
  void aPairEncoderIsReadAtItsFirstToken() {
    config("XLMRobertaForSequenceClassification", "xlm-roberta", "\"num_labels\": 1");
    head(
        "model.safetensors",
        Map.of(
            "classifier.dense.weight", new float[] {0.003f, 0, 0, -0.002f},
            "classifier.dense.bias", new float[] {0.1f, 0.2f},
            "classifier.out_proj.weight", new float[] {2, 3},
            "classifier.out_proj.bias", new float[] {0.5f}));
    double expected = 2 * Math.tanh(0.003 * 258 + 0.1) + 3 * Math.tanh(-0.002 * 258.5 + 0.2) + 0.5;
    try (RewardModel model = load()) {
      GroupScore score = model.score("query", List.of("a", "bc"));
      assertEquals(expected, score.scores().get(0), 1e-6);
      assertEquals(expected, score.scores().get(1), 1e-6);
      TextBackbone.Tokenized group = model.prepare(Prompt.text("q"), List.of("a"));
      assertEquals(
          Tokens.of(258, 'q', 259, 259, 'a', 259), group.packed().sequences().getFirst().ids());
      sameInBatches(model, groups(model));
      assertThrows(
          InvalidArgumentException.class,
          () -> model.score(Prompt.messages(List.of(ChatMessage.of("user", "q"))), List.of("a")));
    }
  }

  /** Scoring in batches, as the command does, reads the rows that scoring a group reads. */
  private static void sameInBatches(RewardModel model, List<TextBackbone.Tokenized> groups) {
    List<PackedGroup.Sequence> sequences =
        groups.stream().flatMap(group -> group.packed().sequences().stream()).toList();
    List<Float> expected =
        model.score(groups).stream()
            .flatMap(score ->
                score.steps().isEmpty()
                    ? score.scores().stream()
                    : score.steps().stream().flatMap(List::stream))
            .toList();
    try (HiddenBatch hidden = model.hidden(sequences)) {
      assertEquals(expected, model.score(hidden));
    }
  }

  private static List<TextBackbone.Tokenized> groups(RewardModel model) {
    return List.of(
        model.prepare(Prompt.text("q"), List.of("a", "bcd")),
        model.prepare(Prompt.text("pq"), List.of("efg")));
  }

  private void processReward() {
    String json = new String(ByteTokenizer.json(), java.nio.charset.StandardCharsets.UTF_8);
    ModelFolder.write(folder, "tokenizer.json", json.replace("<|resp_sep|>", "<extra_0>"));
    config("Qwen2ForProcessRewardModel", "qwen2", "");
    head(
        "model.safetensors",
        Map.of(
            "score.0.weight", new float[] {0.001f, 0, 0, 0.002f},
            "score.0.bias", new float[] {0, 0},
            "score.2.weight", new float[] {0, 1, 3, 0},
            "score.2.bias", new float[] {0.25f, 0}));
  }

  private RewardModel load(StepReduction reduction) {
    return RewardModel.load(
        folder.toString(), RewardModel.Options.defaults().withStepReduction(reduction));
  }

  /** Qwen2.5-Math-PRM: a probability at the marker after each step. */
  @Test
  void aProcessRewardModelScoresEveryStep() {
    processReward();
    // At the marker, token 260: z1 - z0 = 3 * 0.26 - 0.002 * 260.5 - 0.25.
    double right = 1 / (1 + Math.exp(-(3 * 0.26 - 0.521 - 0.25)));
    try (RewardModel model = load(StepReduction.PRODUCT)) {
      List<List<String>> responses = List.of(List.of("ab", "c", "d"), List.of("e"));
      GroupScore score = model.scoreSteps(Prompt.text("q"), responses);
      assertEquals(List.of(3, 1), score.steps().stream().map(List::size).toList());
      score.steps().forEach(steps -> steps.forEach(p -> assertEquals(right, p, 1e-6)));
      assertEquals(right * right * right, score.scores().get(0), 1e-6);
      assertEquals(right, score.scores().get(1), 1e-6);
      assertEquals(List.of(4, 1), score.tokens());
      assertEquals("sigmoid", score.readout());
      TextBackbone.Tokenized group = model.prepareSteps(Prompt.text("q"), responses);
      assertEquals(
          Tokens.of(258, 'q', 258, 'a', 'b', 260, 'c', 260, 'd', 260),
          group.packed().sequences().getFirst().ids());
      assertEquals("[3..5, 6..7, 8..9]", group.packed().sequences().getFirst().spans().toString());
      sameInBatches(model, List.of(group, model.prepareSteps(Prompt.text("p"), responses)));
    }
    try (RewardModel model = load(StepReduction.MIN)) {
      assertEquals(
          (float) right,
          model.scoreSteps(Prompt.text("q"), List.of(List.of("a", "b"))).scores().getFirst(),
          1e-6);
    }
  }

  @Test
  void stepsThatCannotAllHaveTheirScoreAreRefused() {
    processReward();
    refused(InvalidArgumentException.class, "there is no step reduction", "product");
    try (RewardModel model = load(StepReduction.LAST)) {
      Prompt prompt = Prompt.text("q");
      assertRefused(
          "response 1 has no step",
          () -> model.scoreSteps(prompt, List.of(List.of("a"), List.of())));
      assertRefused(
          "response 0, step 1, '', has no tokens",
          () -> model.scoreSteps(prompt, List.of(List.of("a", "", "b"))));
      // A step is never cut: 80 tokens do not fit the context of 64.
      assertRefused(
          "response 0 has 80 tokens in 2 steps",
          () -> model.scoreSteps(prompt, List.of(List.of("x".repeat(40), "y".repeat(40)))));
      assertRefused(
          "give each response as the list of its steps", () -> model.score(prompt, List.of("a")));
    }
    sequenceClassification();
    try (RewardModel model = load()) {
      assertRefused(
          "give each response as one text",
          () -> model.scoreSteps(Prompt.text("q"), List.of(List.of("a"))));
    }
    assertRefused("leave it out", () -> load(StepReduction.MIN).close());
  }

  private static void assertRefused(String text, Runnable call) {
    InvalidArgumentException refused = assertThrows(InvalidArgumentException.class, call::run);
    assertTrue(String.valueOf(refused.getMessage()).contains(text), refused.getMessage());
  }

  @Test
  void aMeanOverTheSequenceTakesEveryToken() {
    config("GPTNeoXRewardModel", "gpt_neox_reward_model", "\"pooling\": \"mean\"");
    head(
        "model.safetensors",
        Map.of("out_proj.weight", new float[] {1, 1}, "out_proj.bias", new float[] {0}));
    try (RewardModel model = load()) {
      double sum = 258 + 'q' + 258 + 'a' + 'b';
      assertEquals(2 * sum / 5 + 0.5, model.score("q", List.of("ab")).scores().getFirst(), 1e-3);
      sameInBatches(model, groups(model));
    }
  }

  @Test
  void whatScoringNeedsAndIsNotThereIsNamed() throws IOException {
    sequenceClassification();
    tokenizerConfig("");
    refused(FileException.class, "has no chat_template, nor is there a chat_template.jinja");
    tokenizerConfig("\"chat_template\": 3");
    refused(FileException.class, "has chat_template = 3");
    Files.delete(folder.resolve("tokenizer_config.json"));
    refused(FileException.class, "tokenizer_config.json");
    tokenizerConfig("\"chat_template\": \"" + PublishedFiles.TEMPLATE + "\"");
    ModelFolder.write(
        folder,
        "config.json",
        "{\"architectures\": [\"LlamaForSequenceClassification\"], \"hidden_size\": 2}");
    refused(FileException.class, "has max_position_embeddings = nothing");
    sequenceClassification();
    Files.delete(folder.resolve("model.onnx"));
    refused(FileException.class, "model.onnx");
    Files.write(folder.resolve("model.onnx"), OnnxGraphs.embedding(3, OnnxGraphs.FLOAT));
    refused(FileException.class, "model.safetensors", "takes vectors of 2; backbone");
  }

  @Test
  void aSeparatorTheTokenizerLacksIsNamed() throws IOException {
    yojo();
    String json = new String(ByteTokenizer.json(), java.nio.charset.StandardCharsets.UTF_8);
    ModelFolder.write(folder, "tokenizer.json", json.replace("<|resp_sep|>", "<|other|>"));
    refused(
        FileException.class,
        "the separator '<|resp_sep|>' must be exactly one special token of the tokenizer");
  }
}
