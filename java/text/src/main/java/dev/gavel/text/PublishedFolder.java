package dev.gavel.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.FormatException;
import dev.gavel.Layout;
import dev.gavel.UnsupportedException;
import dev.gavel.checkpoint.HeadCheckpoint;
import dev.gavel.checkpoint.HeadPattern;
import dev.gavel.checkpoint.ScoredRows;
import dev.gavel.text.ModelConfig.ChatTemplateConfig;
import dev.gavel.text.ModelConfig.SequenceConfig;
import java.nio.file.Path;
import java.util.List;

/**
 * The Hugging Face folder of a published reward model, with its backbone exported to {@code
 * model.onnx}: everything a model folder of Gavel's own says, from the files of the publisher.
 *
 * @param checkpoint its head
 * @param config what its files say, as a configuration
 * @param reading how its head reads a sequence
 * @param publisher its config.json as it is
 */
record PublishedFolder(
    HeadCheckpoint checkpoint, ModelConfig config, HeadReading reading, JsonNode publisher) {
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
   * @param choices what its files may not say
   * @throws FormatException if a file is not what it should be, or lacks what scoring needs
   * @throws UnsupportedException if the model cannot be scored here
   */
  static PublishedFolder read(Path folder, byte[] configuration, ModelChoices choices) {
    HeadCheckpoint checkpoint =
        choices
            .pattern()
            .map(pattern -> HeadCheckpoint.read(folder, pattern))
            .orElseGet(() -> HeadCheckpoint.read(folder));
    if (!(checkpoint.rows() instanceof ScoredRows.StepEnds)) {
      ModelLoader.refuseStepSeparator(folder.toString(), choices);
    }
    JsonNode config = PublishedJson.parse(configuration).orElseThrow();
    TokenizerTexts texts = TokenizerTexts.read(folder);
    TokenBudget budget = TokenBudget.ofContext(context(folder, checkpoint, config, texts));
    Frame frame = PublishedFrames.of(folder, checkpoint, texts, choices);
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
            readout(checkpoint),
            frame.sequence(),
            frame.template()),
        checkpoint.isGated() ? frame.reading().withGate(checkpoint.gateRows()) : frame.reading(),
        config);
  }

  private static int context(
      Path folder, HeadCheckpoint checkpoint, JsonNode config, TokenizerTexts texts) {
    JsonNode told = config.path("max_position_embeddings");
    JsonNode positions =
        told.isMissingNode() ? config.path("text_config").path("max_position_embeddings") : told;
    if (!positions.canConvertToInt() || !positions.isIntegralNumber() || positions.asInt() < 1) {
      throw new FormatException(
          folder.resolve(ModelConfig.FILE),
          "has max_position_embeddings = %s; it must be the number of tokens the model can take"
              .formatted(positions.isMissingNode() ? "nothing" : Excerpt.of(positions.toString())));
    }
    int unused = checkpoint.pattern() == HeadPattern.ROBERTA ? firstPosition(config) : 0;
    int usable = positions.asInt() - unused;
    if (usable < 1) {
      throw new FormatException(
          folder.resolve(ModelConfig.FILE),
          "has max_position_embeddings = %d, of which the first %d are not used; there must be more"
              .formatted(positions.asInt(), unused));
    }
    return texts.longest().map(most -> Math.min(most, usable)).orElse(usable);
  }

  /**
   * RoBERTa counts positions from behind the padding token's id, which is 1 where the configuration
   * leaves it out: of 514 positions 512 are for tokens.
   */
  private static int firstPosition(JsonNode config) {
    return Math.max(0, config.path("pad_token_id").asInt(1) + 1);
  }

  private static ReadoutConfig readout(HeadCheckpoint checkpoint) {
    return checkpoint.isGated() ? ReadoutConfig.ofGate() : ReadoutConfig.of(checkpoint.readout());
  }

  /** Names of this many objectives of its head. */
  List<String> objectiveNames(int count) {
    return ObjectiveNames.published(
        publisher, checkpoint.folder().resolve(ModelConfig.FILE), count);
  }

  /** How a sequence is made and read. */
  record Frame(
      Layout layout, SequenceConfig sequence, ChatTemplateConfig template, HeadReading reading) {}
}
