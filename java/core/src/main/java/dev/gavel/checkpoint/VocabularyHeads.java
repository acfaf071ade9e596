package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import dev.gavel.Readout;
import dev.gavel.UnsupportedException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Language models scored by rows of their output layer (VOCAB_ROWS). One row is a linear head. Of
 * two rows under a softmax, P(first) = sigmoid(z1 - z2), so the two become one, their difference.
 */
final class VocabularyHeads {
  // Gemma 2's cap, 30 tanh(z / 30), and the factors of Cohere's and Granite's logits.
  private static final List<String> CHANGED_LOGITS =
      List.of("final_logit_softcapping", "logit_scale", "logits_scaling");

  private VocabularyHeads() {}

  /** Row 0, as it is (three public scripts take scores[0][0][0]). */
  static Plan nemotron(Facts facts) {
    return row(facts, HeadPattern.NEMOTRON, 0);
  }

  static Plan bgeGemma(Facts facts) {
    return row(
        facts,
        HeadPattern.BGE_GEMMA,
        TokenizerVocabulary.id(facts.toRead(TokenizerVocabulary.FILE), "Yes"));
  }

  static Plan qwen3(Facts facts) {
    Path file = facts.toRead(TokenizerVocabulary.FILE);
    long yes = TokenizerVocabulary.id(file, "yes");
    long no = TokenizerVocabulary.id(file, "no");
    if (yes == no) {
      throw new FormatException(
          file, "has the id %d for 'yes' and for 'no'; every score would be 1/2".formatted(yes));
    }
    return rows(facts, HeadPattern.QWEN3_RERANKER, yes, no);
  }

  static Plan row(Facts facts, HeadPattern pattern, long token) {
    return recipe(facts, pattern, token).row(token).plan();
  }

  static Plan rows(Facts facts, HeadPattern pattern, long positive, long negative) {
    return recipe(facts, pattern, Math.max(positive, negative))
        .difference(positive, negative)
        .readout(Readout.sigmoid())
        .plan();
  }

  private static Recipe recipe(Facts facts, HeadPattern pattern, long highest) {
    ModelJson config = facts.config();
    requirePlainLogits(facts);
    long vocabulary =
        config.require("vocab_size", config.integer("vocab_size"), "the number of tokens");
    if (highest >= vocabulary) {
      throw new FormatException(
          config.file(),
          "has vocab_size %d; there is no row %d to score by".formatted(vocabulary, highest));
    }
    boolean tied = config.truth("tie_word_embeddings").orElse(isTiedUnlessTold(config));
    String layer = !facts.has("lm_head.weight") && tied ? "model.embed_tokens" : "lm_head";
    return new Recipe(facts, pattern).layer(layer, false).outputs(vocabulary);
  }

  /** A head makes products of rows, and no more of them than that. */
  private static void requirePlainLogits(Facts facts) {
    ModelJson config = facts.config();
    for (String key : CHANGED_LOGITS) {
      if (config.has(key) && !config.number(key).equals(Optional.of(1.0))) {
        throw new UnsupportedException(
            "%s: has %s = %s, so the model's logits are not the products of its rows that would be scored here; a model without it is needed"
                .formatted(config.file(), key, config.number(key).orElseThrow()));
      }
    }
    if (facts.has("lm_head.bias")) {
      throw new UnsupportedException(
          "%s: the output layer has a bias, lm_head.bias, which a head of its rows does not add; a model without one is needed"
              .formatted(facts.folder()));
    }
  }

  // A configuration leaves out what is the default of its class in transformers: Gemma's embeddings
  // are tied, those of Llama and Qwen are not.
  private static boolean isTiedUnlessTold(ModelJson config) {
    return config.text("model_type").orElse("").startsWith("gemma");
  }
}
