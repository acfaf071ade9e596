package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.TestFolder.WIDTH;
import static dev.gavel.checkpoint.TestFolder.config;

import dev.gavel.Activation;
import dev.gavel.Readout;
import java.util.List;

/** Encoders of pairs, and language models scored by rows of their output layer. */
final class PublishedEncoders {
  private PublishedEncoders() {}

  static void encoders(List<PublishedModel> models) {
    models.add(
        PublishedModel.of(
                "OpenAssistant deberta-v3-large-v2",
                HeadPattern.DEBERTA,
                f ->
                    encoder(f, "pooler.dense", "classifier", 1)
                        .config(
                            config(
                                "DebertaV2ForSequenceClassification",
                                "\"pooler_hidden_act\": \"gelu\", \"id2label\": {\"0\": \"LABEL_0\"}"))
                        .singlePytorch(),
                (f, x) -> encoder(f, x, "pooler.dense", "classifier", true))
            .rows(new ScoredRows.FirstToken()));
    models.add(
        PublishedModel.of(
                "bge-reranker",
                HeadPattern.ROBERTA,
                f ->
                    encoder(f, "classifier.dense", "classifier.out_proj", 1)
                        .config(
                            config(
                                "XLMRobertaForSequenceClassification",
                                "\"id2label\": {\"0\": \"L\"}"))
                        .single(),
                (f, x) -> encoder(f, x, "classifier.dense", "classifier.out_proj", false))
            .rows(new ScoredRows.FirstToken()));
    models.add(
        PublishedModel.of(
                "BERT with three labels",
                HeadPattern.BERT,
                f ->
                    encoder(f, "bert.pooler.dense", "classifier", 3)
                        .config(config("BertForSequenceClassification", "\"num_labels\": 3"))
                        .single(),
                (f, x) -> encoder(f, x, "bert.pooler.dense", "classifier", false))
            .rows(new ScoredRows.FirstToken()));
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

  static void vocabulary(List<PublishedModel> models) {
    models.add(
        PublishedModel.of(
                "Llama-3.1-Nemotron-70B-Reward",
                HeadPattern.NEMOTRON,
                f ->
                    f.with("lm_head.weight", 40, WIDTH)
                        .config(config("LlamaForCausalLM", ""))
                        .lastShardOnly(),
                (f, x) -> x.linear(f.tensor("lm_head.weight")).take(0))
            .read(path -> HeadCheckpoint.read(path, HeadPattern.NEMOTRON)));
    models.add(
        PublishedModel.of(
                "Qwen3-Reranker",
                HeadPattern.QWEN3_RERANKER,
                f ->
                    f.with("lm_head.weight", 40, WIDTH)
                        .config(config("Qwen3ForCausalLM", ""))
                        .text("tokenizer.json", VOCABULARY)
                        .single(),
                (f, x) -> yesOrNo(x.linear(f.tensor("lm_head.weight"))))
            .read(path -> HeadCheckpoint.read(path, HeadPattern.QWEN3_RERANKER))
            .readout(Readout.sigmoid()));
    models.add(
        PublishedModel.of(
                "Qwen3-Reranker, tied embeddings, PyTorch file",
                HeadPattern.QWEN3_RERANKER,
                f ->
                    f.with("model.embed_tokens.weight", 40, WIDTH)
                        .config(config("Qwen3ForCausalLM", "\"tie_word_embeddings\": true"))
                        .singlePytorch(),
                (f, x) -> yesOrNo(x.linear(f.tensor("model.embed_tokens.weight"))))
            .read(path -> HeadCheckpoint.readVocabularyRows(path, 33, 12))
            .readout(Readout.sigmoid()));
    models.add(
        PublishedModel.of(
                "bge-reranker-v2-gemma",
                HeadPattern.BGE_GEMMA,
                f ->
                    f.with("lm_head.weight", 40, WIDTH)
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
}
