package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;

import dev.gavel.Activation;
import dev.gavel.DType;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;

/** The published layouts: how each folder is built, and what its own code computes. */
final class PublishedModels {
  private static final List<DType> STORED = List.of(DType.F32, DType.BF16, DType.F16);
  private static final ScoredRows LAST_TOKEN = new ScoredRows.LastToken();
  private static final ScoredRows FIRST_TOKEN = new ScoredRows.FirstToken();
  private static final ScoredRows SEPARATED = new ScoredRows.BetweenSeparators("<|resp_sep|>");

  private PublishedModels() {}

  /**
   * A published layout.
   *
   * @param types storage types it is tried in
   * @param build writes the folder
   * @param read recognises it
   * @param score what the published class computes of a pooled vector
   */
  record Model(
      String name,
      HeadPattern pattern,
      List<DType> types,
      Consumer<TestFolder> build,
      Function<Path, HeadCheckpoint> read,
      ScoredRows rows,
      Pooling pooling,
      Readout readout,
      BiFunction<TestFolder, Values, Values> score) {

    Model rows(ScoredRows value) {
      return new Model(name, pattern, types, build, read, value, pooling, readout, score);
    }

    Model pooling(Pooling value) {
      return new Model(name, pattern, types, build, read, rows, value, readout, score);
    }

    Model readout(Readout value) {
      return new Model(name, pattern, types, build, read, rows, pooling, value, score);
    }

    Model read(Function<Path, HeadCheckpoint> value) {
      return new Model(name, pattern, types, build, value, rows, pooling, readout, score);
    }

    Model types(DType... value) {
      return new Model(
          name, pattern, List.of(value), build, read, rows, pooling, readout, score);
    }
  }

  private static Model model(
      String name,
      HeadPattern pattern,
      Consumer<TestFolder> build,
      BiFunction<TestFolder, Values, Values> score) {
    return new Model(
        name,
        pattern,
        STORED,
        build,
        HeadCheckpoint::read,
        LAST_TOKEN,
        Pooling.index(),
        Readout.identity(),
        score);
  }

  static List<Model> all() {
    List<Model> models = new ArrayList<>();
    scores(models);
    valueHeads(models);
    normalised(models);
    encoders(models);
    vocabulary(models);
    yojo(models);
    return models;
  }

  private static void scores(List<Model> models) {
    models.add(
        model(
            "Skywork-Reward",
            HeadPattern.SCORE,
            f -> f.with("score.weight", 1, WIDTH)
                .config(config("LlamaForSequenceClassification", "\"id2label\": {\"0\": \"LABEL_0\"}"))
                .lastShardOnly(),
            (f, x) -> x.linear(f.tensor("score.weight"))));
    models.add(
        model(
            "ODIN",
            HeadPattern.SCORE,
            f -> f.with("score.weight", 2, WIDTH)
                .config(config("GemmaForSequenceClassification", "\"num_labels\": 2"))
                .single(),
            (f, x) -> x.linear(f.tensor("score.weight"))));
    models.add(
        model(
            "INF-ORM",
            HeadPattern.SCORE_MLP,
            f -> twoLayers(f, 1).config(config("INFORMForSequenceClassification", "")).lastShardOnly(),
            (f, x) -> twoLayers(f, x)));
    models.add(
        model(
            "Qwen2.5-Math-RM",
            HeadPattern.SCORE_MLP,
            f -> twoLayers(f, 1).config(config("Qwen2ForRewardModel", "")).singlePytorch(),
            (f, x) -> twoLayers(f, x)));
    models.add(
        model(
                "Qwen2.5-Math-PRM",
                HeadPattern.PROCESS_REWARD,
                f -> twoLayers(f, 2).config(config("Qwen2ForProcessRewardModel", "")).single(),
                (f, x) -> twoLayers(f, x).softmax().take(1))
            .rows(new ScoredRows.EveryToken("<extra_0>"))
            .readout(Readout.sigmoid()));
    models.add(
        model(
                "TRL PRM",
                HeadPattern.TOKEN_CLASSIFICATION,
                f -> f.with("score.weight", 2, WIDTH)
                    .with("score.bias", 2)
                    .config(config("Qwen2ForTokenClassification", ""))
                    .single(),
                (f, x) -> x.linear(f.tensor("score.weight"), f.tensor("score.bias")).softmax().take(1))
            .rows(new ScoredRows.StepEnds())
            .readout(Readout.sigmoid()));
  }

  private static TestFolder twoLayers(TestFolder folder, int outputs) {
    return folder
        .with("score.0.weight", WIDTH, WIDTH)
        .with("score.0.bias", WIDTH)
        .with("score.2.weight", outputs, WIDTH)
        .with("score.2.bias", outputs);
  }

  private static Values twoLayers(TestFolder f, Values x) {
    return x.linear(f.tensor("score.0.weight"), f.tensor("score.0.bias"))
        .activate(Activation.RELU)
        .linear(f.tensor("score.2.weight"), f.tensor("score.2.bias"));
  }

  private static void valueHeads(List<Model> models) {
    models.add(
        model(
                "internlm2-reward",
                HeadPattern.INTERNLM2_REWARD,
                f -> f.with("v_head.weight", 1, WIDTH)
                    .config(config("InternLM2ForRewardModel", "\"reward_token_id\": 92527"))
                    .single(),
                (f, x) -> x.linear(f.tensor("v_head.weight")))
            .rows(new ScoredRows.AppendedToken(92527)));
    models.add(
        model(
            "Starling-RM",
            HeadPattern.VALUE_HEAD,
            f -> f.with("v_head.weight", 1, WIDTH)
                .config(config("LlamaForSequenceClassification", ""))
                .singlePytorch(),
            (f, x) -> x.linear(f.tensor("v_head.weight"))));
    models.add(
        model(
            "Eurus-RM",
            HeadPattern.REGRESSION_HEAD,
            f -> f.with("regression_head.weight", 1, WIDTH)
                .config(config("EurusRewardModel", ""))
                .lastShardOnly(),
            (f, x) -> x.linear(f.tensor("regression_head.weight"))));
    models.add(
        model(
            "GRM",
            HeadPattern.GRM,
            f -> summary(f, 0, 2)
                .config(
                    config(
                        "LlamaForCausalLM",
                        "\"vhead_layer_type\": \"mlp\", \"vhead_num_neurons\": 24, \"vhead_num_layers\": 1"))
                .single(),
            (f, x) -> grm(f, x, 0, 2)));
    models.add(
        model(
                "GRM with three layers",
                HeadPattern.GRM,
                f -> summary(f, 0, 2, 4, 6).config(config("LlamaForCausalLM", "")).single(),
                (f, x) -> grm(f, x, 0, 2, 4, 6))
            // In narrower types every layer's input is rounded; what that gives is tested elsewhere.
            .types(DType.F32));
    models.add(
        model(
            "TRL value head",
            HeadPattern.TRL_VALUE_HEAD,
            f -> summaryLinear(f).config(config("LlamaForCausalLM", "")).single(),
            PublishedModels::summaryLinear));
    models.add(
        model(
            "Skywork-VL-Reward",
            HeadPattern.LLAMA_FACTORY,
            f -> summaryLinear(f)
                .config(
                    """
                    {"architectures": ["Qwen2_5_VLForConditionalGeneration"],
                     "text_config": {"hidden_size": 24}}
                    """)
                .side("value_head.safetensors"),
            PublishedModels::summaryLinear));
    models.add(
        model(
            "LlamaFactory, value_head.bin",
            HeadPattern.LLAMA_FACTORY,
            f -> summaryLinear(f).config(config("Qwen2ForCausalLM", "")).side("value_head.bin"),
            PublishedModels::summaryLinear));
    for (String pooling : List.of("last", "mean")) {
      models.add(
          model(
                  "oasst-rm, " + pooling,
                  HeadPattern.OUT_PROJ,
                  f -> f.with("out_proj.weight", 1, WIDTH)
                      .with("out_proj.bias", 1)
                      .config(config("GPTNeoXRewardModel", "\"pooling\": \"" + pooling + "\""))
                      .single(),
                  (f, x) -> x.linear(f.tensor("out_proj.weight"), f.tensor("out_proj.bias")))
              .pooling(pooling.equals("mean") ? Pooling.spanMean() : Pooling.index())
              .rows(pooling.equals("mean") ? new ScoredRows.WholeSequence() : LAST_TOKEN));
    }
  }

  private static TestFolder summary(TestFolder f, int... layers) {
    for (int layer : layers) {
      long out = layer == layers[layers.length - 1] ? 1 : WIDTH;
      f.with("v_head.summary.%d.weight".formatted(layer), out, WIDTH)
          .with("v_head.summary.%d.bias".formatted(layer), out);
    }
    return f;
  }

  private static Values grm(TestFolder f, Values x, int... layers) {
    Values y = x;
    for (int layer : layers) {
      y = layer == 0 ? y : y.activate(Activation.RELU);
      y =
          y.linear(
              f.tensor("v_head.summary.%d.weight".formatted(layer)),
              f.tensor("v_head.summary.%d.bias".formatted(layer)));
    }
    return y;
  }

  private static TestFolder summaryLinear(TestFolder f) {
    return f.with("v_head.summary.weight", 1, WIDTH).with("v_head.summary.bias", 1);
  }

  private static Values summaryLinear(TestFolder f, Values x) {
    return x.linear(f.tensor("v_head.summary.weight"), f.tensor("v_head.summary.bias"));
  }

  private static void normalised(List<Model> models) {
    for (boolean applied : new boolean[] {true, false}) {
      String told = "\"mean\": -1.5, \"std\": 2.25, \"normalize_reward\": " + applied;
      models.add(
          model(
                  "OpenRLHF with mean and std" + (applied ? "" : ", not applied"),
                  HeadPattern.OPENRLHF,
                  f -> f.with("score.weight", 1, WIDTH)
                      .config(config("LlamaModel", "\"value_head_prefix\": \"score\", " + told))
                      .single(),
                  (f, x) -> {
                    Values raw = x.linear(f.tensor("score.weight"));
                    return applied ? raw.standardised(-1.5, 2.25) : raw;
                  })
              .readout(applied ? Readout.affine(-1.5f, 2.25f) : Readout.identity()));
    }
    models.add(
        model(
            "OpenRLHF, value_head",
            HeadPattern.OPENRLHF,
            f -> f.with("value_head.weight", 1, WIDTH).config(config("LlamaModel", "")).singlePytorch(),
            (f, x) -> x.linear(f.tensor("value_head.weight"))));
    models.add(beaver("reward", true));
    models.add(beaver("cost", true));
    models.add(beaver("cost", false));
  }

  private static Model beaver(String type, boolean applied) {
    float deviation = (float) Math.sqrt(6.25f) + 1e-8f;
    float mean = type.equals("reward") ? 0.75f : 0;
    return model(
            "beaver " + type + (applied ? "" : ", not applied"),
            HeadPattern.BEAVER,
            f -> f.with("score_head.weight", 1, WIDTH)
                .with("score_head.bias", 1)
                .with("normalizer.mean", TestTensor.of(DType.F32, new long[] {1}, 0.75))
                .with("normalizer.var", TestTensor.of(DType.F32, new long[] {1}, 6.25))
                .with("normalizer.count", TestTensor.of(DType.I64, new long[] {1}, 4096))
                .config(
                    config(
                        "LlamaForScore",
                        "\"score_type\": \"%s\", \"bias\": true, \"do_normalize\": %s"
                            .formatted(type, applied)))
                .singlePytorch(),
            (f, x) -> {
              Values raw = x.linear(f.tensor("score_head.weight"), f.tensor("score_head.bias"));
              return applied ? raw.standardised(mean, Math.sqrt(6.25) + 1e-8) : raw;
            })
        .readout(applied ? Readout.affine(mean, deviation) : Readout.identity());
  }

  private static void encoders(List<Model> models) {
    models.add(
        model(
                "OpenAssistant deberta-v3-large-v2",
                HeadPattern.DEBERTA,
                f -> encoder(f, "pooler.dense", "classifier", 1)
                    .config(
                        config(
                            "DebertaV2ForSequenceClassification",
                            "\"pooler_hidden_act\": \"gelu\", \"id2label\": {\"0\": \"LABEL_0\"}"))
                    .singlePytorch(),
                (f, x) -> encoder(f, x, "pooler.dense", "classifier", true))
            .rows(FIRST_TOKEN));
    models.add(
        model(
                "bge-reranker",
                HeadPattern.ROBERTA,
                f -> encoder(f, "classifier.dense", "classifier.out_proj", 1)
                    .config(
                        config("XLMRobertaForSequenceClassification", "\"id2label\": {\"0\": \"L\"}"))
                    .single(),
                (f, x) -> encoder(f, x, "classifier.dense", "classifier.out_proj", false))
            .rows(FIRST_TOKEN));
    models.add(
        model(
                "BERT with three labels",
                HeadPattern.BERT,
                f -> encoder(f, "bert.pooler.dense", "classifier", 3)
                    .config(config("BertForSequenceClassification", "\"num_labels\": 3"))
                    .single(),
                (f, x) -> encoder(f, x, "bert.pooler.dense", "classifier", false))
            .rows(FIRST_TOKEN));
  }

  private static TestFolder encoder(TestFolder f, String first, String second, int labels) {
    return f.with(first + ".weight", WIDTH, WIDTH)
        .with(first + ".bias", WIDTH)
        .with(second + ".weight", labels, WIDTH)
        .with(second + ".bias", labels);
  }

  private static Values encoder(TestFolder f, Values x, String first, String second, boolean gelu) {
    return x.linear(f.tensor(first + ".weight"), f.tensor(first + ".bias"))
        .activate(gelu ? Activation.GELU : Activation.TANH)
        .linear(f.tensor(second + ".weight"), f.tensor(second + ".bias"));
  }

  private static void vocabulary(List<Model> models) {
    models.add(
        model(
                "Llama-3.1-Nemotron-70B-Reward",
                HeadPattern.NEMOTRON,
                f -> f.with("lm_head.weight", 40, WIDTH).config(config("LlamaForCausalLM", "")).lastShardOnly(),
                (f, x) -> x.linear(f.tensor("lm_head.weight")).take(0))
            .read(path -> HeadCheckpoint.read(path, HeadPattern.NEMOTRON)));
    models.add(
        model(
                "Qwen3-Reranker",
                HeadPattern.QWEN3_RERANKER,
                f -> f.with("lm_head.weight", 40, WIDTH)
                    .config(config("Qwen3ForCausalLM", ""))
                    .text("tokenizer.json", VOCABULARY)
                    .single(),
                (f, x) -> yesOrNo(x.linear(f.tensor("lm_head.weight"))))
            .read(path -> HeadCheckpoint.read(path, HeadPattern.QWEN3_RERANKER))
            .readout(Readout.sigmoid()));
    models.add(
        model(
                "Qwen3-Reranker, tied embeddings, PyTorch file",
                HeadPattern.QWEN3_RERANKER,
                f -> f.with("model.embed_tokens.weight", 40, WIDTH)
                    .config(config("Qwen3ForCausalLM", "\"tie_word_embeddings\": true"))
                    .singlePytorch(),
                (f, x) -> yesOrNo(x.linear(f.tensor("model.embed_tokens.weight"))))
            .read(path -> HeadCheckpoint.readVocabularyRows(path, 33, 12))
            .readout(Readout.sigmoid()));
    models.add(
        model(
                "bge-reranker-v2-gemma",
                HeadPattern.BGE_GEMMA,
                f -> f.with("lm_head.weight", 40, WIDTH)
                    .config(config("GemmaForCausalLM", ""))
                    .text("tokenizer.json", VOCABULARY)
                    .single(),
                (f, x) -> x.linear(f.tensor("lm_head.weight")).take(7))
            .read(path -> HeadCheckpoint.read(path, HeadPattern.BGE_GEMMA)));
  }

  private static final String VOCABULARY =
      """
      {"version": "1.0", "added_tokens": [{"id": 39, "content": "yes"}],
       "model": {"type": "BPE", "vocab": {"Yes": 7, "no": 12, "a": 1, "yes": 33}, "merges": []}}
      """;

  /** Softmax over the rows of "no" and "yes", as the model's card computes it. */
  private static Values yesOrNo(Values logits) {
    return logits.take(12, 33).softmax().take(1);
  }

  private static void yojo(List<Model> models) {
    models.add(
        yojo("YOJO, released form", "mlp", "silu", "last", Pooling.index(), 0, Activation.SILU));
    models.add(
        yojo(
            "YOJO, concatenated, hidden width of its own",
            "mlp",
            "tanh",
            "first_last_concat",
            Pooling.firstLast(Pooling.Combine.CONCAT),
            WIDTH,
            Activation.TANH));
    models.add(
        yojo("YOJO, linear, mean", "linear", "selu", "response_mean", Pooling.spanMean(), 0, Activation.IDENTITY));
    models.add(
        yojo(
            "YOJO, linear, last minus first",
            "linear",
            "selu",
            "first_last_sub",
            Pooling.firstLast(Pooling.Combine.SUB),
            0,
            Activation.IDENTITY));
    models.add(
        yojo(
            "YOJO, linear, first plus last",
            "linear",
            "selu",
            "first_last_add",
            Pooling.firstLast(Pooling.Combine.ADD),
            0,
            Activation.IDENTITY));
  }

  private static Model yojo(
      String name,
      String type,
      String activation,
      String mode,
      Pooling pooling,
      int more,
      Activation function) {
    int input = WIDTH + more;
    boolean mlp = type.equals("mlp");
    return model(
            name,
            HeadPattern.YOJO,
            f -> {
              if (mlp) {
                f.with("0.weight", 16, input).with("0.bias", 16).with("2.weight", 1, 16).with("2.bias", 1);
              } else {
                f.with("weight", 1, input).with("bias", 1);
              }
              f.config(config("Molmo2ForConditionalGeneration", ""))
                  .text(
                      "reward_model_config.json",
                      """
{"value_head_type": "%s", "value_head_hidden_dim": %s, "value_head_activation": "%s",
 "value_head_input_dim": %d, "resp_repr_mode": "%s"}
""".formatted(type, mlp ? "16" : "null", activation, input, mode))
                  .side("value_head.pt");
            },
            // Divided by the root of the width of the hidden states, however wide the vector is.
            (f, x) ->
                (mlp
                        ? x.linear(f.tensor("0.weight"), f.tensor("0.bias"))
                            .activate(function)
                            .linear(f.tensor("2.weight"), f.tensor("2.bias"))
                        : x.linear(f.tensor("weight"), f.tensor("bias")))
                    .standardised(0, Math.sqrt(WIDTH)))
        .rows(SEPARATED)
        .pooling(pooling);
  }
}
