package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;

import dev.gavel.Activation;
import dev.gavel.DType;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import java.util.List;

/** Value heads and heads with a stored mean and deviation. */
final class PublishedValueHeads {
  private PublishedValueHeads() {}

  static void valueHeads(List<PublishedModel> models) {
    models.add(
        PublishedModel.of(
                "internlm2-reward",
                HeadPattern.INTERNLM2_REWARD,
                f ->
                    f.with("v_head.weight", 1, WIDTH)
                        .config(config("InternLM2ForRewardModel", "\"reward_token_id\": 92527"))
                        .single(),
                (f, x) -> x.linear(f.tensor("v_head.weight")))
            .rows(new ScoredRows.AppendedToken(92527)));
    models.add(
        PublishedModel.of(
            "Starling-RM",
            HeadPattern.VALUE_HEAD,
            f ->
                f.with("v_head.weight", 1, WIDTH)
                    .config(config("LlamaForSequenceClassification", ""))
                    .singlePytorch(),
            (f, x) -> x.linear(f.tensor("v_head.weight"))));
    models.add(
        PublishedModel.of(
            "Eurus-RM",
            HeadPattern.REGRESSION_HEAD,
            f ->
                f.with("regression_head.weight", 1, WIDTH)
                    .config(config("EurusRewardModel", ""))
                    .lastShardOnly(),
            (f, x) -> x.linear(f.tensor("regression_head.weight"))));
    models.add(
        PublishedModel.of(
            "GRM",
            HeadPattern.GRM,
            f ->
                summary(f, 0, 2)
                    .config(
                        config(
                            "LlamaForCausalLM",
                            "\"vhead_layer_type\": \"mlp\", \"vhead_num_neurons\": 24, \"vhead_num_layers\": 1"))
                    .single(),
            (f, x) -> grm(f, x, 0, 2)));
    models.add(
        PublishedModel.of(
                "GRM with three layers",
                HeadPattern.GRM,
                f -> summary(f, 0, 2, 4, 6).config(config("LlamaForCausalLM", "")).single(),
                (f, x) -> grm(f, x, 0, 2, 4, 6))
            // In narrower types every layer's input is rounded; what that gives is tested
            // elsewhere.
            .types(DType.F32));
    models.add(
        PublishedModel.of(
            "TRL value head",
            HeadPattern.TRL_VALUE_HEAD,
            f -> summaryLinear(f).config(config("LlamaForCausalLM", "")).single(),
            PublishedValueHeads::summaryLinear));
    models.add(
        PublishedModel.of(
            "Skywork-VL-Reward",
            HeadPattern.LLAMA_FACTORY,
            f ->
                summaryLinear(f)
                    .config(
                        """
                        {"architectures": ["Qwen2_5_VLForConditionalGeneration"],
                         "text_config": {"hidden_size": 24}}
                        """)
                    .side("value_head.safetensors"),
            PublishedValueHeads::summaryLinear));
    models.add(
        PublishedModel.of(
            "LlamaFactory, value_head.bin",
            HeadPattern.LLAMA_FACTORY,
            f -> summaryLinear(f).config(config("Qwen2ForCausalLM", "")).side("value_head.bin"),
            PublishedValueHeads::summaryLinear));
    for (String pooling : List.of("last", "mean")) {
      models.add(
          PublishedModel.of(
                  "oasst-rm, " + pooling,
                  HeadPattern.OUT_PROJ,
                  f ->
                      f.with("out_proj.weight", 1, WIDTH)
                          .with("out_proj.bias", 1)
                          .config(config("GPTNeoXRewardModel", "\"pooling\": \"" + pooling + "\""))
                          .single(),
                  (f, x) -> x.linear(f.tensor("out_proj.weight"), f.tensor("out_proj.bias")))
              .pooling(pooling.equals("mean") ? Pooling.spanMean() : Pooling.index())
              .rows(
                  pooling.equals("mean")
                      ? new ScoredRows.WholeSequence()
                      : new ScoredRows.LastToken()));
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

  static void normalised(List<PublishedModel> models) {
    for (boolean applied : new boolean[] {true, false}) {
      String told = "\"mean\": -1.5, \"std\": 2.25, \"normalize_reward\": " + applied;
      models.add(
          PublishedModel.of(
                  "OpenRLHF with mean and std" + (applied ? "" : ", not applied"),
                  HeadPattern.OPENRLHF,
                  f ->
                      f.with("score.weight", 1, WIDTH)
                          .config(config("LlamaModel", "\"value_head_prefix\": \"score\", " + told))
                          .single(),
                  (f, x) -> {
                    Values raw = x.linear(f.tensor("score.weight"));
                    return applied ? raw.standardised(-1.5, 2.25) : raw;
                  })
              .readout(applied ? Readout.affine(-1.5f, 2.25f) : Readout.identity()));
    }
    models.add(
        PublishedModel.of(
            "OpenRLHF, value_head",
            HeadPattern.OPENRLHF,
            f ->
                f.with("value_head.weight", 1, WIDTH)
                    .config(config("LlamaModel", ""))
                    .singlePytorch(),
            (f, x) -> x.linear(f.tensor("value_head.weight"))));
    models.add(beaver("reward", true));
    models.add(beaver("cost", true));
    models.add(beaver("cost", false));
  }

  private static PublishedModel beaver(String type, boolean applied) {
    float deviation = (float) Math.sqrt(6.25f) + 1e-8f;
    float mean = type.equals("reward") ? 0.75f : 0;
    return PublishedModel.of(
            "beaver " + type + (applied ? "" : ", not applied"),
            HeadPattern.BEAVER,
            f ->
                f.with("score_head.weight", 1, WIDTH)
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
}
