package dev.gavel.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.FormatException;
import dev.gavel.Layout;
import dev.gavel.UnsupportedException;
import dev.gavel.checkpoint.HeadCheckpoint;
import dev.gavel.checkpoint.HeadPattern;
import dev.gavel.checkpoint.ScoredRows;
import dev.gavel.text.ModelConfig.ChatTemplateConfig;
import dev.gavel.text.ModelConfig.ReadoutChoice;
import dev.gavel.text.ModelConfig.SequenceConfig;
import java.nio.file.Path;
import java.util.Map;

/**
 * The Hugging Face folder of a published reward model, with its backbone exported to {@code
 * model.onnx}: everything a model folder of Gavel's own says, from the files of the publisher.
 *
 * @param checkpoint its head
 * @param config what its files say, as a configuration
 * @param reading which rows its head reads
 */
record PublishedFolder(HeadCheckpoint checkpoint, ModelConfig config, Reading reading) {
  private static final String BACKBONE = "model.onnx";
  private static final String TOKENIZER = "tokenizer.json";

  /** Whether a config.json is the publisher's and not Gavel's own. */
  static boolean is(byte[] config) {
    return PublishedJson.parse(config)
        .filter(root -> !root.has("format"))
        .filter(root -> root.has("architectures") || root.has("model_type"))
        .isPresent();
  }

  /**
   * Reads a folder.
   *
   * @param configuration its config.json
   * @throws FormatException if a file is not what it should be, or lacks what scoring needs
   * @throws UnsupportedException if the model cannot be scored here
   */
  static PublishedFolder read(Path folder, byte[] configuration) {
    HeadCheckpoint checkpoint = HeadCheckpoint.read(folder);
    if (checkpoint.isGated()) {
      throw new UnsupportedException(
          "%s: the head of the pattern '%s' has a gate at a second row, which texts are not read at; score hidden states with HeadCheckpoint"
              .formatted(folder, checkpoint.pattern().title()));
    }
    JsonNode config = PublishedJson.parse(configuration).orElseThrow();
    TokenizerTexts texts = TokenizerTexts.read(folder);
    TokenBudget budget = TokenBudget.ofContext(context(folder, config, texts));
    Frame frame = frame(folder, checkpoint, texts);
    return new PublishedFolder(
        checkpoint,
        new ModelConfig(
            ModelConfig.FORMAT,
            ModelConfig.FORMAT_VERSION,
            String.valueOf(folder.toAbsolutePath().normalize().getFileName()),
            BACKBONE,
            TOKENIZER,
            checkpoint.headFile().getFileName().toString(),
            budget.context(),
            budget.prompt(),
            budget.response(),
            ModelConfig.name(frame.layout()),
            ModelConfig.name(checkpoint.pooling()),
            ReadoutChoice.of(checkpoint.readout()),
            frame.sequence(),
            frame.template()),
        frame.reading());
  }

  private static int context(Path folder, JsonNode config, TokenizerTexts texts) {
    JsonNode told = config.path("max_position_embeddings");
    JsonNode positions =
        told.isMissingNode() ? config.path("text_config").path("max_position_embeddings") : told;
    if (!positions.canConvertToInt() || !positions.isIntegralNumber() || positions.asInt() < 1) {
      throw new FormatException(
          folder.resolve(ModelConfig.FILE),
          "has max_position_embeddings = %s; it must be the number of tokens the model can take"
              .formatted(positions.isMissingNode() ? "nothing" : Excerpt.of(positions.toString())));
    }
    return texts.longest().map(most -> Math.min(most, positions.asInt())).orElse(positions.asInt());
  }

  /** How a sequence is made and read. */
  private record Frame(
      Layout layout, SequenceConfig sequence, ChatTemplateConfig template, Reading reading) {}

  private static Frame frame(Path folder, HeadCheckpoint checkpoint, TokenizerTexts texts) {
    return switch (checkpoint.rows()) {
      case ScoredRows.LastToken() ->
          new Frame(Layout.INDEPENDENT, alone(""), conversation(texts), Reading.RESPONSE);
      case ScoredRows.AppendedToken(long id) ->
          new Frame(
              Layout.INDEPENDENT, alone(texts.special(id)), conversation(texts), Reading.RESPONSE);
      case ScoredRows.WholeSequence() ->
          new Frame(Layout.INDEPENDENT, alone(""), conversation(texts), Reading.WHOLE_SEQUENCE);
      // The separator stands between empty lines, and the responses in the assistant's message, as
      // in the training data of arXiv 2604.10966.
      case ScoredRows.BetweenSeparators(String literal) ->
          new Frame(
              Layout.JOINT,
              new SequenceConfig("", "", "\n\n", literal, "\n\n", "", true),
              conversation(texts),
              Reading.RESPONSE);
      case ScoredRows.FirstToken() ->
          new Frame(
              Layout.INDEPENDENT,
              pair(folder, checkpoint, texts),
              noTemplate(),
              Reading.FIRST_TOKEN);
      // The token stands after every step, without filler, as in the model card of
      // Qwen2.5-Math-PRM.
      case ScoredRows.EveryToken(String literal) ->
          new Frame(
              Layout.INDEPENDENT,
              new SequenceConfig("", "", "", literal, "", "", true),
              conversation(texts),
              Reading.STEPS);
      case ScoredRows.StepEnds() ->
          throw new UnsupportedException(
              "%s: the model is read at the end of every step, and its files do not say what text ends one. Read its head with HeadCheckpoint and place the steps yourself"
                  .formatted(folder));
    };
  }

  private static SequenceConfig alone(String appended) {
    return new SequenceConfig("", "", "", "", "", appended, true);
  }

  /**
   * A prompt and a response as a pair: RoBERTa puts two separators between them, DeBERTa one. BERT
   * tells the two apart by token types, which backbones here are not fed.
   */
  private static SequenceConfig pair(Path folder, HeadCheckpoint checkpoint, TokenizerTexts texts) {
    if (checkpoint.pattern() == HeadPattern.BERT) {
      throw new UnsupportedException(
          "%s: %s tells prompt and response apart by token types (token_type_ids 0 and 1), and this build feeds zeros"
              .formatted(folder, checkpoint.pattern().title()));
    }
    String separator = texts.token("sep_token");
    int between = checkpoint.pattern() == HeadPattern.ROBERTA ? 2 : 1;
    return new SequenceConfig(
        texts.token("cls_token"), separator.repeat(between), "", "", "", separator, false);
  }

  private static ChatTemplateConfig noTemplate() {
    return new ChatTemplateConfig("", "nothing", Map.of());
  }

  private static ChatTemplateConfig conversation(TokenizerTexts texts) {
    return new ChatTemplateConfig(texts.templateFile(), "conversation", texts.tokens());
  }
}
