package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.GavelException;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.checkpoint.HeadPattern;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Folders of published models that need a choice, or sequences of their own, from text to scores.
 * The hidden state of token t is {@code [t, t + 0.5]}.
 */
class PublishedChoicesTest {
  private static final Prompt PROMPT = Prompt.text("q");
  private static final int YES = 262;
  private static final int NO = 263;

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    PublishedFiles.files(folder);
  }

  private void config(String architecture, String type, String more) {
    PublishedFiles.config(folder, architecture, type, more);
  }

  private void head(Map<String, float[]> tensors) {
    PublishedFiles.head(folder, "model.safetensors", tensors);
  }

  private RewardModel load(ModelChoices choices) {
    return RewardModel.load(folder.toString(), RewardModel.Options.defaults().withChoices(choices));
  }

  private void refused(ModelChoices choices, String... texts) {
    GavelException refused = assertThrows(GavelException.class, () -> load(choices).close());
    for (String text : texts) {
      assertTrue(
          String.valueOf(refused.getMessage()).contains(text),
          () -> "expected '%s' in: %s".formatted(text, refused.getMessage()));
    }
  }

  private static double right(double difference) {
    return 1 / (1 + Math.exp(-difference));
  }

  private void trl() {
    config("Qwen2ForTokenClassification", "qwen2", "\"num_labels\": 2");
    head(
        Map.of(
            "score.weight", new float[] {0, 0.001f, 0.004f, 0},
            "score.bias", new float[] {0.25f, 0}));
  }

  private static double step(long token) {
    return right(0.004 * token - 0.001 * (token + 0.5) - 0.25);
  }

  /** TRL tokenises the prompt, every step and what ends it by themselves, and reads the latter. */
  @Test
  void aTokenClassifierIsReadWhereItsStepsEnd() {
    trl();
    ModelChoices choices = ModelChoices.none().withStepReduction(StepReduction.MIN);
    try (RewardModel model = load(choices.withStepSeparator("\n"))) {
      List<List<String>> responses = List.of(List.of("ab", "c.\n", "d"), List.of("\ne"));
      TextBackbone.Tokenized group = model.prepareSteps(PROMPT, responses);
      // Two line ends would be one token if a step and what ends it were tokenised together.
      assertEquals(
          Tokens.of(258, 'q', 'a', 'b', 10, 'c', '.', 10, 10, 'd', 10),
          group.packed().sequences().getFirst().ids());
      assertEquals("[2..4, 5..8, 9..10]", group.packed().sequences().getFirst().spans().toString());
      assertEquals(Tokens.of(258, 'q', 10, 'e', 10), group.packed().sequences().get(1).ids());
      GroupScore score = model.scoreSteps(PROMPT, responses);
      assertEquals(List.of(3, 1), score.steps().stream().map(List::size).toList());
      score.steps().forEach(steps -> steps.forEach(p -> assertEquals(step(10), p, 1e-6)));
      assertEquals(step(10), score.scores().getFirst(), 1e-6);
      assertEquals("none", score.template());
    }
    // Of several tokens the last is read.
    try (RewardModel model = load(choices.withStepSeparator(" ##"))) {
      GroupScore score = model.scoreSteps(PROMPT, List.of(List.of("a", "b")));
      score.steps().getFirst().forEach(p -> assertEquals(step('#'), p, 1e-6));
      assertEquals(
          Tokens.of(258, 'q', 'a', ' ', '#', '#', 'b', ' ', '#', '#'),
          model
              .prepareSteps(PROMPT, List.of(List.of("a", "b")))
              .packed()
              .sequences()
              .getFirst()
              .ids());
    }
  }

  /** Steps as certain as these have probability 1 in f32, and odds that differ. */
  @Test
  void logitsReachTheReductionOfSteps() {
    config("Qwen2ForTokenClassification", "qwen2", "\"num_labels\": 2");
    // The line end is token 10, so these are a tenth of the logit.
    for (float tenth : new float[] {-6, 1.4f, 3, 6}) {
      head(
          Map.of(
              "score.weight", new float[] {0, 0, tenth, 0},
              "score.bias", new float[] {0, 0}));
      ModelChoices choices = ModelChoices.none().withStepSeparator("\n");
      List<List<String>> responses = List.of(List.of("a", "b", "c"), List.of("d"));
      try (RewardModel odds = load(choices.withStepReduction(StepReduction.MEAN_ODDS));
          RewardModel logit = load(choices.withStepReduction(StepReduction.MEAN_LOGIT));
          RewardModel least = load(choices.withStepReduction(StepReduction.MIN))) {
        double expected = Math.exp(10 * tenth);
        GroupScore scored = odds.scoreSteps(PROMPT, responses);
        scored.scores().forEach(score -> assertEquals(expected, score, 1e-5 * expected));
        float mean = (float) right(10 * tenth);
        logit
            .scoreSteps(PROMPT, responses)
            .scores()
            .forEach(score -> assertEquals(mean, score, 1e-5 * mean));
        // What is told of the steps does not depend on the reduction.
        GroupScore other = least.scoreSteps(PROMPT, responses);
        assertEquals(other.steps(), scored.steps());
        assertEquals(
            List.of(other.steps().get(0).getFirst(), other.steps().get(1).getFirst()),
            other.scores());
        // Of several groups at once, each has its own.
        List<GroupScore> both =
            odds.score(
                List.of(
                    odds.prepareSteps(PROMPT, responses),
                    odds.prepareSteps(PROMPT, responses.reversed())));
        assertEquals(scored.scores(), both.getFirst().scores());
        assertEquals(scored.scores().reversed(), both.getLast().scores());
      }
    }
  }

  @Test
  void whatEndsAStepIsChosen() {
    trl();
    ModelChoices choices = ModelChoices.none().withStepReduction(StepReduction.MIN);
    refused(choices, "do not say what text ends one", "TRL's own default is a line end");
    refused(choices.withStepSeparator(""), "the step separator '' has no tokens");
    config("LlamaForSequenceClassification", "llama", "\"num_labels\": 1");
    head(Map.of("score.weight", new float[] {1, 1}));
    refused(
        ModelChoices.none().withStepSeparator("\n"), "knows where its steps end", "leave it out");
    ModelFolder.write(folder);
    refused(ModelChoices.none().withStepSeparator("\n"), "model test", "leave it out");
    refused(
        ModelChoices.none().withPattern(HeadPattern.SCORE),
        "is no published folder",
        "leave it out");
  }

  /** BERT tells the texts of a pair apart by token types, which the graph must take. */
  @Test
  void bertIsFedTheTypesOfItsTokens() throws IOException {
    config("BertForSequenceClassification", "bert", "\"num_labels\": 1");
    head(
        Map.of(
            "bert.pooler.dense.weight", new float[] {0.003f, 0, 0, -0.002f},
            "bert.pooler.dense.bias", new float[] {0.1f, 0.2f},
            "classifier.weight", new float[] {2, 3},
            "classifier.bias", new float[] {0.5f}));
    refused(ModelChoices.none(), "model.onnx", "has no input token_type_ids");
    OnnxGraphs.Value ids = new OnnxGraphs.Value("input_ids", OnnxGraphs.INT64, -1, -1);
    OnnxGraphs.Value types = new OnnxGraphs.Value("token_type_ids", OnnxGraphs.INT64, -1, -1);
    OnnxGraphs.Value states =
        new OnnxGraphs.Value("last_hidden_state", OnnxGraphs.FLOAT, -1, -1, 2);
    Files.write(
        folder.resolve("model.onnx"),
        OnnxGraphs.embedding(2, OnnxGraphs.FLOAT, List.of(ids, types), List.of(states)));
    double expected = 2 * Math.tanh(0.003 * 258 + 0.1) + 3 * Math.tanh(-0.002 * 258.5 + 0.2) + 0.5;
    try (RewardModel model = load(ModelChoices.none())) {
      assertEquals(expected, model.score(PROMPT, List.of("a")).scores().getFirst(), 1e-6);
      assertEquals(
          Tokens.of(258, 'q', 259, 'a', 259),
          model.prepare(PROMPT, List.of("a")).packed().sequences().getFirst().ids());
    }
    // Where a row of the table is the type and not the id, the states are the types.
    Files.write(
        folder.resolve("model.onnx"),
        OnnxGraphs.embedding(2, OnnxGraphs.FLOAT, List.of(types, ids), List.of(states)));
    try (RewardModel model = load(ModelChoices.none());
        HiddenBatch hidden =
            model.hidden(model.prepare(PROMPT, List.of("ab")).packed().sequences())) {
      int[] expectedTypes = {0, 0, 0, 1, 1, 1};
      for (int row = 0; row < expectedTypes.length; row++) {
        assertEquals(expectedTypes[row], hidden.batch().hidden().floatAt(2L * row), "token " + row);
      }
    }
  }

  private void vocabulary() {
    config("LlamaForCausalLM", "llama", "\"tie_word_embeddings\": false");
    float[] rows = new float[600];
    rows[0] = 0.5f;
    rows[1] = -0.25f;
    rows[2 * YES] = 0.01f;
    rows[2 * NO + 1] = 0.008f;
    head(Map.of("lm_head.weight", rows));
  }

  /** Nothing in the files says that row 0 of the vocabulary is the score: it is asked for. */
  @Test
  void nemotronIsAskedFor() {
    vocabulary();
    refused(ModelChoices.none(), "rows of its output layer", "NEMOTRON");
    try (RewardModel model = load(ModelChoices.none().withPattern(HeadPattern.NEMOTRON))) {
      GroupScore score = model.score(PROMPT, List.of("ab", "c"));
      assertEquals(0.5 * 'b' - 0.25 * ('b' + 0.5), score.scores().get(0), 1e-4);
      assertEquals(0.5 * 'c' - 0.25 * ('c' + 0.5), score.scores().get(1), 1e-4);
      assertEquals(Layout.INDEPENDENT, score.layout());
      assertEquals(Pooling.index(), model.pooling());
    }
    refused(ModelChoices.none().withPattern(HeadPattern.SCORE), "score.weight");
  }

  /** The fixed prompt of its model card, with the query and the document in their places. */
  @Test
  void qwen3RerankerHasItsOwnPrompt() throws IOException {
    vocabulary();
    ModelChoices choices = ModelChoices.none().withPattern(HeadPattern.QWEN3_RERANKER);
    refused(choices, "tokenizer.json");
    Files.write(folder.resolve("tokenizer.json"), qwen3());
    try (RewardModel model = load(choices)) {
      GavelException refused =
          assertThrows(GavelException.class, () -> model.score(PROMPT, List.of("a")));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("context of 64 tokens"),
          refused.getMessage());
    }
    ModelFolder.write(
        folder,
        "config.json",
        ModelFolder.read(folder, "config.json")
            .replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 1024"));
    try (RewardModel model = load(choices)) {
      GroupScore score = model.score("which?", List.of("this one"));
      assertEquals(right(0.01 * 256 - 0.008 * 256.5), score.scores().getFirst(), 1e-5);
      assertEquals("sigmoid", score.readout());
      assertEquals(
          """
          <|im_start|>system
          Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>
          <|im_start|>user
          <Instruct>: Given a web search query, retrieve relevant passages that answer the query
          <Query>: which?
          <Document>: this one<|im_end|>
          <|im_start|>assistant
          <think>

          </think>

          """,
          text(model.prepare(Prompt.text("which?"), List.of("this one"))));
    }
    String json = new String(qwen3(), StandardCharsets.UTF_8).replace("</think>", "</thought>");
    ModelFolder.write(folder, "tokenizer.json", json);
    refused(choices, "has no token </think>, which the model's sequences need");
    refused(ModelChoices.none().withPattern(HeadPattern.BGE_GEMMA), "Yes");
  }

  /** The parts of its model card's sequence, each tokenised by itself, and the row of "Yes". */
  @Test
  void bgeGemmaHasItsOwnPrompt() throws IOException {
    Files.write(folder.resolve("tokenizer.json"), bge());
    float[] rows = new float[600];
    rows[2 * YES] = 0.01f;
    // As published: Gemma's embeddings are tied, which its configuration does not say.
    config("GemmaForCausalLM", "gemma", "");
    head(Map.of("model.embed_tokens.weight", rows));
    ModelChoices choices = ModelChoices.none().withPattern(HeadPattern.BGE_GEMMA);
    ModelFolder.write(
        folder,
        "config.json",
        ModelFolder.read(folder, "config.json")
            .replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 1024"));
    try (RewardModel model = load(choices)) {
      GroupScore score = model.score("which?", List.of("this\n\none.\n", "that"));
      assertEquals(0.01 * '.', score.scores().getFirst(), 1e-6);
      assertEquals("identity", score.readout());
      assertEquals(Layout.INDEPENDENT, score.layout());
      // 256 is two line ends and 257 a full stop with two: what stands side by side as text, but
      // not in the same part, is not joined; within a part it is.
      List<Object> expected = new ArrayList<>(List.of(258L));
      add(expected, "A: which?\nB: this");
      expected.add(256L);
      add(
          expected,
          "one.\n\nGiven a query A and a passage B, determine whether the passage contains"
              + " an answer to the query by providing a prediction of either 'Yes' or 'No'.");
      assertEquals(expected, ids(model.prepare(Prompt.text("which?"), List.of("this\n\none.\n"))));
      List<Object> ends = new ArrayList<>(List.of(258L));
      add(ends, "A: q.\n\nB: .\n\nGiven");
      assertEquals(
          ends, ids(model.prepare(Prompt.text("q.\n"), List.of(".\n"))).subList(0, ends.size()));
    }
    // One that says its embeddings are not tied has them in a layer of their own.
    config("GemmaForCausalLM", "gemma", "\"tie_word_embeddings\": false");
    refused(choices, "lm_head.weight");
    config("LlamaForCausalLM", "llama", "");
    refused(choices, "lm_head.weight");
    config("GemmaForCausalLM", "gemma", "");
    ModelFolder.write(folder, "tokenizer_config.json", "{}");
    refused(choices, "has no bos_token, which the model's sequences need");
  }

  private static void add(List<Object> ids, String text) {
    text.chars().forEach(letter -> ids.add((long) letter));
  }

  private static List<Object> ids(TextBackbone.Tokenized group) {
    Tokens tokens = group.packed().sequences().getFirst().ids();
    List<Object> ids = new ArrayList<>();
    for (int i = 0; i < tokens.size(); i++) {
      ids.add(tokens.id(i));
    }
    return ids;
  }

  private static byte[] bge() {
    String json = new String(ByteTokenizer.json(), StandardCharsets.UTF_8);
    return json.replace(
            "\"vocab\":{",
            "\"vocab\":{\"<|start|>\":258,\"<|end|>\":259,\"<|resp_sep|>\":260,\"<think>\":261,\"Yes\":%d,"
                .formatted(YES))
        .getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] qwen3() {
    String json = new String(ByteTokenizer.json(), StandardCharsets.UTF_8);
    return json.replace("<|start|>", "<|im_start|>")
        .replace("<|end|>", "<|im_end|>")
        .replace("<|resp_sep|>", "</think>")
        .replace(
            "\"vocab\":{",
            "\"vocab\":{\"<|im_start|>\":258,\"<|im_end|>\":259,\"</think>\":260,\"<think>\":261,\"yes\":%d,\"no\":%d,"
                .formatted(YES, NO))
        .getBytes(StandardCharsets.UTF_8);
  }

  private static String text(TextBackbone.Tokenized group) {
    Tokens ids = group.packed().sequences().getFirst().ids();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ids.size(); i++) {
      long id = ids.id(i);
      text.append(
          id < 256
              ? Character.toString((int) id)
              : Map.of(
                      256L,
                      "\n\n",
                      257L,
                      ".\n\n",
                      258L,
                      "<|im_start|>",
                      259L,
                      "<|im_end|>",
                      260L,
                      "</think>",
                      261L,
                      "<think>")
                  .get(id));
    }
    return text.toString();
  }
}
