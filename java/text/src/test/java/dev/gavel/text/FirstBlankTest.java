package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.Layout;
import dev.gavel.aggregation.StepReduction;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A tokenizer with the Metaspace of Mistral 7B v0.3 and of Llama tokenizers that are not "legacy":
 * the word mark (2 here) stands in front of what begins a text, and not of what follows a special
 * token. Numbers are what transformers 5.18 gives with the same files: {@code apply_chat_template},
 * {@code tokenizer(first, second)}, and {@code tokenizer(part, add_special_tokens=False)} for each
 * part of TRL's.
 */
class FirstBlankTest {
  private static final String TOKENIZER =
      """
      {"version": "1.0",
       "added_tokens": [
        {"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
        {"id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": false}]},
       "model": {"type": "BPE", "merges": [], "vocab": {
        "<s>": 0, "</s>": 1, "\u2581": 2, "a": 3, "b": 4, "[": 5, "]": 6, "s": 7, "<": 8, ">": 9, "/": 10}}}
      """;

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    PublishedFiles.files(folder);
    ModelFolder.write(folder, "tokenizer.json", TOKENIZER);
    ModelFolder.write(
        folder,
        "tokenizer_config.json",
        "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"cls_token\": \"<s>\", \"sep_token\": \"</s>\"}");
  }

  private void classifier(String template) {
    PublishedFiles.config(
        folder, "MistralForSequenceClassification", "mistral", "\"num_labels\": 1");
    PublishedFiles.head(folder, "model.safetensors", Map.of("score.weight", new float[] {1, 1}));
    ModelFolder.write(folder, "chat_template.jinja", template);
  }

  private Tokens ids(String prompt, String response) {
    try (RewardModel model = RewardModel.load(folder.toString())) {
      return model
          .text()
          .tokenize(Layout.INDEPENDENT, model.budget(), prompt, List.of(response))
          .packed()
          .sequences()
          .getFirst()
          .ids();
    }
  }

  @Test
  void nothingStandsBehindASpecialToken() {
    classifier(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% else %}{{ m.content }}</s>{% endif %}{% endfor %}");
    assertEquals(Tokens.of(0, 5, 3, 2, 4, 6, 4, 1), ids("a b", "b"));
  }

  @Test
  void theMarkStandsWhereATextBegins() {
    classifier(
        "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]</s>{% else %}{{ m.content }}</s>{% endif %}{% endfor %}");
    assertEquals(Tokens.of(2, 5, 3, 2, 4, 6, 1, 4, 1), ids("a b", "b"));
  }

  /** As with {@code split_special_tokens=True}. */
  @Test
  void theTextOfASpecialTokenIsTakenApartWithoutAMark() {
    classifier(
        "{% for m in messages %}{% if m.role != 'user' %}{{ m.content }}{% endif %}{% endfor %}");
    try (Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer.json"))) {
      assertEquals(Tokens.of(2, 3, 8, 10, 7, 9, 4), tokenizer.encode("a</s>b").ids());
    }
  }

  @Test
  void bothTextsOfAPairBegin() {
    PublishedFiles.config(
        folder, "RobertaForSequenceClassification", "roberta", "\"num_labels\": 1");
    PublishedFiles.head(
        folder,
        "model.safetensors",
        Map.of(
            "classifier.dense.weight", new float[] {1, 0, 0, 1},
            "classifier.dense.bias", new float[] {0, 0},
            "classifier.out_proj.weight", new float[] {1, 1},
            "classifier.out_proj.bias", new float[] {0}));
    assertEquals(Tokens.of(0, 2, 3, 2, 4, 1, 1, 2, 4, 2, 3, 1), ids("a b", "b a"));
  }

  @Test
  void everyStepBegins() {
    PublishedFiles.config(folder, "Qwen2ForTokenClassification", "qwen2", "\"num_labels\": 2");
    PublishedFiles.head(
        folder,
        "model.safetensors",
        Map.of("score.weight", new float[] {0, 1, 1, 0}, "score.bias", new float[] {0, 0}));
    ModelChoices choices =
        ModelChoices.none().withStepReduction(StepReduction.MIN).withStepSeparator("]");
    try (RewardModel model =
        RewardModel.load(folder.toString(), RewardModel.Options.defaults().withChoices(choices))) {
      assertEquals(
          Tokens.of(0, 2, 3, 2, 4, 2, 3, 2, 6, 2, 4, 2, 3, 2, 6),
          model
              .prepareSteps(Prompt.text("a b"), List.of(List.of("a", "b a")))
              .packed()
              .sequences()
              .getFirst()
              .ids());
    }
  }
}
