package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.GavelException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Published heads of several objectives, from texts to scores and objectives, against the published
 * arithmetic in double precision. The hidden state of token t is {@code [t, t + 0.5]}, so what a
 * gate or a head reads is known from the token it stands at.
 */
class PublishedObjectivesTest {
  private static final String TEMPLATE =
      """
      {% for m in messages %}<end_of_turn>
      <start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}
      {{ m.content }}{% endfor %}<end_of_turn>\
      """;
  private static final Prompt PROMPT = Prompt.text("question");
  private static final List<String> RESPONSES = List.of("ab", "z", "a model answer");
  // Of Gemma 2, which the published classes look for.
  private static final int TURN_ENDS = 107;

  @TempDir private Path folder;

  private final Map<String, double[]> tensors = new LinkedHashMap<>();
  private final SplittableRandom random = new SplittableRandom(3);

  @BeforeEach
  void write() throws IOException {
    Files.write(folder.resolve("tokenizer.json"), GemmaTokenizer.json());
    Files.write(folder.resolve("model.onnx"), OnnxGraphs.embedding(2, OnnxGraphs.FLOAT, 2600));
    ModelFolder.write(
        folder,
        "tokenizer_config.json",
        """
        {"bos_token": "<start_of_turn>", "eos_token": "<end_of_turn>", "chat_template": "%s"}
        """
            .formatted(TEMPLATE.replace("\n", "\\n")));
  }

  private void config(String architecture, String more) {
    ModelFolder.write(
        folder,
        "config.json",
        """
        {"architectures": ["%s"], "model_type": "gemma2", "hidden_size": 2,
         "max_position_embeddings": 64, "vocab_size": 2600%s}
        """
            .formatted(architecture, more.isEmpty() ? "" : ", " + more));
  }

  /** Weights small enough for hidden states of some hundred. */
  private HostTensor tensor(String name, double spread, long... shape) {
    int count = 1;
    for (long size : shape) {
      count *= Math.toIntExact(size);
    }
    float[] values = new float[count];
    double[] exact = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (spread * random.nextDouble(-1, 1));
      exact[i] = values[i];
    }
    tensors.put(name, exact);
    return HostTensor.of(values, shape);
  }

  private void save(Map<String, HostTensor> made) {
    Safetensors.write(folder.resolve("model.safetensors"), Map.of("format", "pt"), made);
    made.values().forEach(HostTensor::close);
  }

  private static double[] state(long token) {
    return new double[] {token, token + 0.5};
  }

  private double[] linear(String layer, double[] x) {
    double[] weight = tensors.get(layer + ".weight");
    double[] bias = tensors.get(layer + ".bias");
    double[] y = new double[weight.length / x.length];
    for (int row = 0; row < y.length; row++) {
      y[row] = bias == null ? 0 : bias[row];
      for (int column = 0; column < x.length; column++) {
        y[row] += weight[row * x.length + column] * x[column];
      }
    }
    return y;
  }

  private static double[] each(double[] x, Function<Double, Double> map) {
    return java.util.Arrays.stream(x).map(map::apply).toArray();
  }

  private static double[] softmax(double[] x, double temperature) {
    double largest = java.util.Arrays.stream(x).max().orElseThrow();
    double[] powers = each(x, value -> Math.exp((value - largest) / temperature));
    double sum = java.util.Arrays.stream(powers).sum();
    return each(powers, power -> power / sum);
  }

  /** sum of gate_k scale sum of r_j C[j][k]. */
  private double mixed(double[] rewards, double[] weights) {
    double[] transform = tensors.get("reward_transform_matrix");
    double score = 0;
    for (int k = 0; k < weights.length; k++) {
      for (int j = 0; j < rewards.length; j++) {
        score +=
            weights[k]
                * tensors.get("gating.logit_scale")[0]
                * rewards[j]
                * transform[j * weights.length + k];
      }
    }
    return score;
  }

  private void armorm(String more) {
    config("Gemma2ForRewardModelWithGating", more);
    Map<String, HostTensor> made = new LinkedHashMap<>();
    made.put("regression_layer.weight", tensor("regression_layer.weight", 0.01, 3, 2));
    made.put("reward_transform_matrix", tensor("reward_transform_matrix", 1, 3, 3));
    made.put("gating.logit_scale", tensor("gating.logit_scale", 2, 1));
    int[] widths = {2, 4, 4, 3};
    for (int i = 0; i < 3; i++) {
      String layer = "gating.layers." + i;
      made.put(layer + ".weight", tensor(layer + ".weight", 0.3, widths[i + 1], widths[i]));
      made.put(layer + ".bias", tensor(layer + ".bias", 0.3, widths[i + 1]));
    }
    save(made);
  }

  private double[] armormGate(long token) {
    double[] x = state(token);
    for (int i = 0; i < 3; i++) {
      x = linear("gating.layers." + i, x);
      x = i < 2 ? each(x, value -> Math.max(0, value)) : x;
    }
    return softmax(x, 10);
  }

  private RewardModel load(ModelChoices choices) {
    return RewardModel.load(folder.toString(), RewardModel.Options.defaults().withChoices(choices));
  }

  private static void assertObjective(GroupScore score, int which, int response, double expected) {
    assertEquals(
        expected, score.objectives().get(which).values().get(response), 1e-5 * Math.abs(expected));
  }

  /** The head reads the last token, the gate the first of the last header of an answer. */
  @Test
  void armormMixesItsObjectivesByWhatItReadsOfThePrompt() {
    armorm("\"id2label\": {\"0\": \"helpful\", \"1\": \"correct\", \"2\": \"verbose\"}");
    double[] weights = armormGate(TURN_ENDS);
    double[] rewards = linear("regression_layer", state(TURN_ENDS));
    try (RewardModel model = load(ModelChoices.none())) {
      assertEquals(List.of("helpful", "correct", "verbose"), model.objectives());
      assertEquals(4, model.width());
      GroupScore score = model.score(PROMPT, RESPONSES);
      assertEquals("gated_sum", score.readout());
      for (int i = 0; i < 3; i++) {
        double expected = mixed(rewards, weights);
        assertEquals(expected, score.scores().get(i), 1e-5 * Math.abs(expected));
        for (int k = 0; k < 3; k++) {
          assertEquals(
              List.of("helpful", "correct", "verbose").get(k), score.objectives().get(k).name());
          assertObjective(score, k, i, rewards[k]);
        }
      }
    }
  }

  /** With another token at the end, head and gate read different states. */
  @Test
  void theGateStaysWhereTheAnswerBegins() {
    armorm("");
    ModelFolder.write(
        folder,
        "chat_template.jinja",
        TEMPLATE.substring(0, TEMPLATE.lastIndexOf("<end_of_turn>")));
    try (RewardModel model = load(ModelChoices.none())) {
      assertEquals(List.of("objective_0", "objective_1", "objective_2"), model.objectives());
      List<TextBackbone.Tokenized> groups =
          List.of(
              model.prepare(PROMPT, RESPONSES),
              model.prepare(Prompt.text("a longer question"), List.of("q", "xyz")));
      PackedGroup.Sequence first = groups.getFirst().packed().sequences().getFirst();
      int at = first.gateRows().getFirst();
      assertEquals(Tokens.of(107, 108, 106, 2516, 108), first.ids().slice(at, at + 5));
      assertEquals(first.ids().size() - 2, at + 5, "the answer of two tokens follows");
      GroupScore score = model.score(groups).getFirst();
      double[] weights = armormGate(TURN_ENDS);
      long[] last = {GemmaTokenizer.id('b'), GemmaTokenizer.id('z'), GemmaTokenizer.id('r')};
      for (int i = 0; i < last.length; i++) {
        double[] rewards = linear("regression_layer", state(last[i]));
        double expected = mixed(rewards, weights);
        assertEquals(expected, score.scores().get(i), 1e-5 * Math.abs(expected), "response " + i);
        assertObjective(score, 1, i, rewards[1]);
      }
      sameInBatches(model, groups);
    }
  }

  private static void sameInBatches(RewardModel model, List<TextBackbone.Tokenized> groups) {
    List<PackedGroup.Sequence> sequences = new ArrayList<>();
    List<Float> expected = new ArrayList<>();
    List<GroupScore> scores = model.score(groups);
    for (int g = groups.size() - 1; g >= 0; g--) {
      sequences.addAll(groups.get(g).packed().sequences());
      GroupScore score = scores.get(g);
      for (int i = 0; i < score.scores().size(); i++) {
        expected.add(score.scores().get(i));
        for (GroupScore.Objective objective : score.objectives()) {
          expected.add(objective.values().get(i));
        }
      }
    }
    try (HiddenBatch hidden = model.hidden(sequences)) {
      assertEquals(expected, model.score(hidden));
    }
  }

  /** A template that is not the model's does not write what the gate looks for: the row fails. */
  @Test
  void aConversationWithoutTheHeaderIsAnErrorOfItsRow() {
    armorm("");
    ModelFolder.write(
        folder, "chat_template.jinja", "{% for m in messages %}{{ m.content }}\n{% endfor %}");
    try (RewardModel model = load(ModelChoices.none())) {
      InvalidArgumentException refused =
          assertThrows(InvalidArgumentException.class, () -> model.score(PROMPT, RESPONSES));
      assertTrue(
          String.valueOf(refused.getMessage())
              .startsWith(
                  "response 0: the token pattern [107, 108, 106, 2516, 108] does not occur"),
          refused.getMessage());
    }
  }

  private void odin(String more) {
    config("Gemma2ForSequenceClassification", more);
    save(Map.of("score.weight", tensor("score.weight", 0.01, 2, 2)));
  }

  /** Two outputs and no rule that mixes them: one is chosen by its name, the other is beside it. */
  @Test
  void oneOfSeveralOutputsIsChosen() {
    odin("\"id2label\": {\"0\": \"length\", \"1\": \"quality\"}");
    double[] outputs = linear("score", state(TURN_ENDS));
    try (RewardModel model = load(ModelChoices.none().withObjective("quality"))) {
      GroupScore score = model.score(PROMPT, RESPONSES);
      assertEquals(outputs[1], score.scores().getFirst(), 1e-5 * Math.abs(outputs[1]));
      assertEquals("length", score.objectives().getFirst().name());
      assertObjective(score, 0, 0, outputs[0]);
      assertObjective(score, 1, 0, outputs[1]);
      sameInBatches(model, List.of(model.prepare(PROMPT, RESPONSES)));
    }
    refused(ModelChoices.none(), "gives 2 objectives", "choose an objective of [length, quality]");
    refused(ModelChoices.none().withObjective("x"), "objective is 'x'; model", "[length, quality]");
    try (VectorModel vectors =
        VectorModel.load(
            folder.toString(),
            RewardModel.Options.defaults()
                .withChoices(ModelChoices.none().withObjective("length")))) {
      assertEquals(List.of("length", "quality"), vectors.outputs().objectives());
      assertEquals(3, vectors.outputs().width());
    }
    odin("\"id2label\": {\"0\": \"same\", \"1\": \"same\"}");
    refused(ModelChoices.none().withObjective("same"), "has the label 'same' twice in id2label");
    odin("\"id2label\": {\"0\": \"a\\ud800\", \"1\": \"b\"}");
    refused(ModelChoices.none().withObjective("b"), "without halves of surrogate pairs");
    odin("\"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}");
    refused(ModelChoices.none(), "choose an objective of [objective_0, objective_1]");
  }

  @Test
  void whatMixesItsObjectivesLeavesNoChoice() {
    armorm("");
    refused(
        ModelChoices.none().withObjective("objective_0"),
        "gives one score by itself, mixed of its objectives; leave it out");
    try (VectorModel vectors =
        VectorModel.load(folder.toString(), RewardModel.Options.defaults())) {
      assertTrue(vectors.gateRows().isPresent());
      assertTrue(vectors.outputs().mixed());
    }
  }

  private void refused(ModelChoices choices, String... texts) {
    GavelException refused = assertThrows(GavelException.class, () -> load(choices).close());
    for (String text : texts) {
      assertTrue(String.valueOf(refused.getMessage()).contains(text), refused.getMessage());
    }
  }
}
