package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;

import dev.gavel.Activation;
import dev.gavel.Readout;
import java.util.ArrayList;
import java.util.List;

/** The published layouts: how each folder is built, and what its own code computes. */
final class PublishedModels {

  private PublishedModels() {}

  static List<PublishedModel> all() {
    List<PublishedModel> models = new ArrayList<>();
    scores(models);
    PublishedValueHeads.valueHeads(models);
    PublishedValueHeads.normalised(models);
    PublishedEncoders.encoders(models);
    PublishedEncoders.vocabulary(models);
    PublishedYojo.yojo(models);
    PublishedYojo.yojoThatSaysItsScale(models);
    return models;
  }

  private static void scores(List<PublishedModel> models) {
    models.add(
        PublishedModel.of(
            "Skywork-Reward",
            HeadPattern.SCORE,
            f ->
                f.with("score.weight", 1, WIDTH)
                    .config(
                        config(
                            "LlamaForSequenceClassification", "\"id2label\": {\"0\": \"LABEL_0\"}"))
                    .lastShardOnly(),
            (f, x) -> x.linear(f.tensor("score.weight"))));
    models.add(
        PublishedModel.of(
            "ODIN",
            HeadPattern.SCORE,
            f ->
                f.with("score.weight", 2, WIDTH)
                    .config(config("GemmaForSequenceClassification", "\"num_labels\": 2"))
                    .single(),
            (f, x) -> x.linear(f.tensor("score.weight"))));
    models.add(
        PublishedModel.of(
            "INF-ORM",
            HeadPattern.SCORE_MLP,
            f ->
                twoLayers(f, 1)
                    .config(config("INFORMForSequenceClassification", ""))
                    .lastShardOnly(),
            (f, x) -> twoLayers(f, x)));
    models.add(
        PublishedModel.of(
            "Qwen2.5-Math-RM",
            HeadPattern.SCORE_MLP,
            f -> twoLayers(f, 1).config(config("Qwen2ForRewardModel", "")).singlePytorch(),
            (f, x) -> twoLayers(f, x)));
    models.add(
        PublishedModel.of(
                "Qwen2.5-Math-PRM",
                HeadPattern.PROCESS_REWARD,
                f -> twoLayers(f, 2).config(config("Qwen2ForProcessRewardModel", "")).single(),
                (f, x) -> twoLayers(f, x).softmax().take(1))
            .rows(new ScoredRows.EveryToken("<extra_0>"))
            .readout(Readout.sigmoid()));
    models.add(
        PublishedModel.of(
                "TRL PRM",
                HeadPattern.TOKEN_CLASSIFICATION,
                f ->
                    f.with("score.weight", 2, WIDTH)
                        .with("score.bias", 2)
                        .config(config("Qwen2ForTokenClassification", ""))
                        .single(),
                (f, x) ->
                    x.linear(f.tensor("score.weight"), f.tensor("score.bias")).softmax().take(1))
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
}
