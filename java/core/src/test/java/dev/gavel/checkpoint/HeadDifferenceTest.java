package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.Refusals.refuses;
import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.HeadSpec;
import dev.gavel.InvalidArgumentException;
import dev.gavel.RewardHead;
import dev.gavel.UnsupportedException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What does not match a pattern is refused, and the message shows the difference. */
class HeadDifferenceTest {
  private static final String LLAMA = "LlamaForSequenceClassification";
  private static final String GATING = "LlamaForRewardModelWithGating";

  @TempDir private Path directory;
  private int folders;

  private TestFolder folder() {
    folders++;
    return new TestFolder(directory.resolve("model" + folders), DType.BF16, folders);
  }

  private static void refused(TestFolder folder, String... texts) {
    refuses(FormatException.class, () -> HeadCheckpoint.read(folder.path), texts);
  }

  @Test
  void theWholeDifferenceIsShown() {
    TestFolder folder =
        folder()
            .with("score.0.weight", WIDTH, WIDTH + 1)
            .with("score.0.bias", TestTensor.of(DType.F32, new long[] {WIDTH}, new double[WIDTH]))
            .with("score.2.weight", 1, WIDTH)
            .with("score.4.weight", 1, 3)
            .config(config("Qwen2ForRewardModel", ""))
            .single();
    FormatException refused =
        org.junit.jupiter.api.Assertions.assertThrows(
            FormatException.class, () -> HeadCheckpoint.read(folder.path));
    assertEquals(
        """
        %s: the tensors are not those of a head of the pattern 'two-layer score':
          score.0.weight: expected float[24,24], found BF16[24,25]
          score.2.bias: expected float[1], found missing
          score.2.weight: expected F32 as the tensors above, found BF16[1,24]
          score.4.weight: expected nothing of this name, found BF16[1,3]
        Names that begin with %s are the backbone's and were passed over.\
        """
            .formatted(folder.path, Backbone.describe()),
        refused.getMessage());
  }

  @Test
  void eachKindOfDifferenceIsRefused() {
    refused(
        folder()
            .with("score.weight", 1, WIDTH)
            .with("score.bias", 1)
            .config(config(LLAMA, ""))
            .single(),
        "score.bias: expected nothing of this name, found BF16[1]");
    refused(
        folder().with("score.weight", 2, WIDTH).config(config(LLAMA, "\"num_labels\": 1")).single(),
        "score.weight: expected float[1,24], found BF16[2,24]");
    refused(
        folder().with("score.weight", WIDTH).config(config(LLAMA, "")).single(),
        "score.weight: expected float[K,24], found BF16[24]");
    refused(
        folder()
            .with(
                "score.weight", TestTensor.of(DType.I64, new long[] {1, WIDTH}, new double[WIDTH]))
            .config(config(LLAMA, ""))
            .single(),
        "expected float[K,24], found I64[1,24]");
    refused(
        folder().with("v_head.summary.weight", 1, WIDTH).config(config("X", "")).single(),
        "v_head.summary.bias: expected float[1], found missing");
    refused(
        folder()
            .with("v_head.summary.weight", 1, WIDTH)
            .with("v_head.summary.bias", 1)
            .with("q_head.weight", 1, WIDTH)
            .config(config("X", ""))
            .single(),
        "q_head.weight: expected nothing of this name, found BF16[1,24]");
    refused(
        folder().with("reward.weight", 1, WIDTH).config(config("X", "")).single(),
        "has tensors [reward.weight] beside its backbone and is of no known pattern");
  }

  @Test
  void unknownValuesOfTheConfigurationAreRefused() {
    refused(
        twoLayers().config(config("MistralForRewardModel", "")).single(),
        "has architectures = [MistralForRewardModel]; it must be one of",
        "activation of a two-layer score is not recorded");
    refused(outProj("\"pooling\": \"max\""), "has pooling = max; it must be mean or last");
    refused(outProj(""), "has no key 'pooling'; it must be mean or last");
    refused(
        folder()
            .with("v_head.weight", 1, WIDTH)
            .config(config("InternLM2ForRewardModel", ""))
            .single(),
        "has no key 'reward_token_id'");
    refused(
        deberta("\"pooler_hidden_act\": \"mish\""),
        "has pooler_hidden_act = mish; it must be one of [gelu, gelu_new");
    refused(deberta(""), "has no key 'pooler_hidden_act'");
    refused(
        folder()
            .with("score.weight", 1, WIDTH)
            .config(config(LLAMA, "\"normalize_reward\": true"))
            .single(),
        "normalize_reward = true, mean missing and std missing");
    refused(
        folder()
            .with("score.weight", 1, WIDTH)
            .config(config(LLAMA, "\"normalize_reward\": true, \"mean\": 1, \"std\": 0"))
            .single(),
        "deviation is 0.0");
    refused(
        folder()
            .with("score.weight", 1, WIDTH)
            .config("{\"architectures\": [\"X\"], \"d_ff\": 3}")
            .single(),
        "has no width of hidden states");
    refused(
        folder()
            .with("score.weight", 1, WIDTH)
            .config(config(LLAMA, "\"num_labels\": 1, \"id2label\": {\"0\": \"a\", \"1\": \"b\"}"))
            .single(),
        "has num_labels = 1; it must be 2 as id2label has");
    refused(
        folder()
            .with("v_head.summary.0.weight", 4, WIDTH)
            .with("v_head.summary.0.bias", 4)
            .with("v_head.summary.2.weight", 1, 4)
            .with("v_head.summary.2.bias", 1)
            .config(config("X", "\"vhead_num_neurons\": 8"))
            .single(),
        "has vhead_num_neurons = 8; it must be 4, as the tensors have");
  }

  private TestFolder twoLayers() {
    return folder()
        .with("score.0.weight", WIDTH, WIDTH)
        .with("score.0.bias", WIDTH)
        .with("score.2.weight", 1, WIDTH)
        .with("score.2.bias", 1);
  }

  private TestFolder outProj(String more) {
    return folder()
        .with("out_proj.weight", 1, WIDTH)
        .with("out_proj.bias", 1)
        .config(config("X", more))
        .single();
  }

  private TestFolder deberta(String more) {
    return folder()
        .with("pooler.dense.weight", WIDTH, WIDTH)
        .with("pooler.dense.bias", WIDTH)
        .with("classifier.weight", 1, WIDTH)
        .with("classifier.bias", 1)
        .config(config("DebertaV2ForSequenceClassification", more))
        .single();
  }

  @Test
  void theValuesOfYojoAreRequired() {
    String good =
        """
        {"value_head_type": "mlp", "value_head_hidden_dim": 16, "value_head_activation": "silu",
         "value_head_input_dim": 24, "resp_repr_mode": "last"}
        """;
    refused(
        yojo(good.replace("mlp", "conv")), "has value_head_type = conv; it must be linear or mlp");
    refused(yojo(good.replace("silu", "swish")), "has value_head_activation = swish");
    refused(yojo(good.replace("\"last\"", "\"kwise\"")), "has resp_repr_mode = kwise");
    refused(yojo(good.replace("value_head_type", "type")), "has no key 'value_head_type'");
    refused(
        yojo(good.replace("value_head_activation", "act")), "has no key 'value_head_activation'");
    refused(yojo(good.replace("16", "1024")), "has value_head_hidden_dim = 1024; it must be 16");
    refused(yojo(good.replace("24", "48")), "has value_head_input_dim = 48; it must be 24");
    refused(
        yojo(good.replace("\"last\"", "\"first_last_concat\"")),
        "0.weight: expected float[F=16,48], found BF16[16,24]");
    refuses(
        UnsupportedException.class,
        () -> HeadCheckpoint.read(yojo(good.replace("\"last\"", "\"first\"")).path),
        "a pooling of the first row");
  }

  private TestFolder yojo(String json) {
    return folder()
        .with("0.weight", 16, WIDTH)
        .with("0.bias", 16)
        .with("2.weight", 1, 16)
        .with("2.bias", 1)
        .config(config("Molmo2ForConditionalGeneration", ""))
        .text("reward_model_config.json", json)
        .side("value_head.pt");
  }

  /** Both halves of a gated head are known down to their tensors. */
  @Test
  void aGateOfOtherShapesIsRefused() {
    refused(
        armorm().with("gating.layers.1.bias", 9).single(),
        "gating.layers.1.bias: expected float[G=8], found BF16[9]");
    refused(
        armorm().config(config("MistralForRewardModelWithGating", "")).single(),
        "a class that begins with Llama or Gemma2");
    refused(
        armorm()
            .config(config("LlamaForRewardModelWithGating", "\"gating_temperature\": 0"))
            .single(),
        "a number above 0");
    TestFolder gated = armorm().single();
    HeadCheckpoint checkpoint = HeadCheckpoint.read(gated.path);
    assertThrows(IllegalStateException.class, checkpoint::readout);
  }

  private TestFolder gated(int outputs) {
    return folder()
        .with("regression_layer.weight", outputs, WIDTH)
        .with("reward_transform_matrix", 3, 3)
        .with("gating.logit_scale", 1);
  }

  private TestFolder armorm() {
    return gated(3)
        .with("gating.layers.0.weight", 8, WIDTH)
        .with("gating.layers.0.bias", 8)
        .with("gating.layers.1.weight", 8, 8)
        .with("gating.layers.1.bias", 8)
        .with("gating.layers.2.weight", 3, 8)
        .with("gating.layers.2.bias", 3)
        .config(config(GATING, "\"num_objectives\": 3"));
  }

  /**
   * The class has one linear layer where it is asked for no hidden one, and always at least one.
   */
  @Test
  void aGateHasAsManyLayersAsThereAre() {
    refused(
        gated(3).config(config(GATING, "")).single(),
        "gating.layers.0.weight: expected float[K,24], found missing",
        "gating.layers.0.bias: expected float[K], found missing");
    TestFolder linear =
        gated(3)
            .with("gating.layers.0.weight", 3, WIDTH)
            .with("gating.layers.0.bias", 3)
            .config(config(GATING, ""))
            .single();
    HeadCheckpoint checkpoint = HeadCheckpoint.read(linear.path);
    try (Context context = Context.open();
        RewardHead gate = checkpoint.loadGate(context)) {
      assertEquals(HeadSpec.linear(WIDTH).outputWidth(3).dtype(DType.BF16).build(), gate.spec());
    }
    TestFolder deep = gated(3);
    for (int i = 0; i < 10; i++) {
      deep.with("gating.layers.%d.weight".formatted(i), i == 9 ? 3 : 8, i == 0 ? WIDTH : 8)
          .with("gating.layers.%d.bias".formatted(i), i == 9 ? 3 : 8);
    }
    refused(
        deep.config(config(GATING, "")).single(),
        "has a gate that cannot be",
        "number of hidden layers is 9; it must be at most 8");
  }

  /** A number that no score can be made with is one of a tensor of a file. */
  @Test
  void numbersOfAGateThatCannotBeNameTheirTensor() {
    for (double scale : new double[] {Double.NaN, 0}) {
      TestFolder folder =
          armorm().with("gating.logit_scale", TestTensor.of(DType.BF16, new long[] {1}, scale));
      refusesReadout(folder.single(), "model.safetensors: tensor 'gating.logit_scale'");
    }
    double[] transform = new double[9];
    transform[4] = Double.POSITIVE_INFINITY;
    TestFolder folder =
        armorm()
            .with(
                "reward_transform_matrix", TestTensor.of(DType.BF16, new long[] {3, 3}, transform));
    refusesReadout(
        folder.single(),
        "model.safetensors: tensor 'reward_transform_matrix' has Infinity at place 4");
  }

  private static void refusesReadout(TestFolder folder, String text) {
    HeadCheckpoint checkpoint = HeadCheckpoint.read(folder.path);
    try (Context context = Context.open();
        RewardHead gate = checkpoint.loadGate(context)) {
      refuses(FormatException.class, () -> checkpoint.readout(gate), text);
    }
  }

  /** A language model is never scored by a row that nobody named. */
  @Test
  void aLanguageModelIsNotGuessedToBeARewardModel() {
    TestFolder folder =
        folder().with("lm_head.weight", 40, WIDTH).config(config("Qwen3ForCausalLM", "")).single();
    refuses(
        PatternNeededException.class,
        () -> HeadCheckpoint.read(folder.path),
        "VOCAB_ROWS",
        "QWEN3_RERANKER");
    refuses(
        FileException.class,
        () -> HeadCheckpoint.read(folder.path, HeadPattern.QWEN3_RERANKER),
        "tokenizer.json");
    folder.text("tokenizer.json", "{\"model\": {\"vocab\": {\"yes\": 3}}}");
    refuses(
        FormatException.class,
        () -> HeadCheckpoint.read(folder.path, HeadPattern.QWEN3_RERANKER),
        "has no token 'no'");
    refuses(
        FormatException.class,
        () -> HeadCheckpoint.readVocabularyRow(folder.path, 40),
        "vocab_size 40; there is no row 40");
    refuses(
        InvalidArgumentException.class,
        () -> HeadCheckpoint.readVocabularyRow(folder.path, -1),
        "it must be 0 or more");
    refuses(
        InvalidArgumentException.class,
        () -> HeadCheckpoint.readVocabularyRows(folder.path, 3, 3),
        "token id 3 stands for yes and for no");
    refuses(
        FormatException.class,
        () ->
            HeadCheckpoint.read(
                folder()
                    .with("score.weight", 1, WIDTH)
                    .with("lm_head.weight", 40, WIDTH)
                    .config(config("X", ""))
                    .single()
                    .path,
                HeadPattern.NEMOTRON),
        "score.weight: expected nothing of this name");
  }

  @Test
  void aTensorInTwoFilesIsRefused() {
    TestFolder folder =
        folder()
            .with("v_head.summary.weight", 1, WIDTH)
            .with("v_head.summary.bias", 1)
            .config(config("X", ""))
            .single();
    folder.safetensors("value_head.safetensors", Map.copyOf(folder.head));
    refused(folder, "in model.safetensors and in value_head.safetensors");
  }
}
