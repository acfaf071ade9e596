package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.checkpoint.HeadCheckpoint;
import dev.gavel.checkpoint.HeadPattern;
import dev.gavel.checkpoint.ScoredRows;
import dev.gavel.text.ModelConfig.ChatTemplateConfig;
import dev.gavel.text.ModelConfig.SequenceConfig;
import dev.gavel.text.PublishedFolder.Frame;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** How sequences of published models are made and read: what their authors' code does. */
final class PublishedFrames {
  // From the model card of Qwen3-Reranker, with the instruction it takes where none is given.
  private static final String[] QWEN3_TOKENS = {
    "<|im_start|>", "<|im_end|>", "<think>", "</think>"
  };
  private static final String QWEN3_BEFORE =
      "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and"
          + " the Instruct provided. Note that the answer can only be \"yes\" or \"no\"."
          + "<|im_end|>\n<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant"
          + " passages that answer the query\n<Query>: ";
  private static final String QWEN3_BETWEEN = "\n<Document>: ";
  private static final String QWEN3_AFTER =
      "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";

  // From the model card of bge-reranker-v2-gemma, with the instruction it takes where none is
  // given.
  private static final String BGE_APART = "\n";
  private static final String BGE_BEFORE = "A: ";
  private static final String BGE_BETWEEN = BGE_APART + "B: ";
  private static final String BGE_AFTER =
      BGE_APART
          + "Given a query A and a passage B, determine whether the passage contains an answer to the"
          + " query by providing a prediction of either 'Yes' or 'No'.";

  private PublishedFrames() {}

  /**
   * The frame of a checkpoint's sequences.
   *
   * @throws InvalidArgumentException if it needs a choice that was not made
   */
  static Frame of(
      Path folder, HeadCheckpoint checkpoint, TokenizerTexts texts, ModelChoices choices) {
    if (checkpoint.pattern() == HeadPattern.QWEN3_RERANKER) {
      return reranker(texts);
    }
    if (checkpoint.pattern() == HeadPattern.BGE_GEMMA) {
      return bgeGemma(texts);
    }
    return switch (checkpoint.rows()) {
      case ScoredRows.LastToken() -> conversation(texts, "", Reading.RESPONSE);
      case ScoredRows.LastNonPadding(long padding) -> {
        Frame frame = conversation(texts, "", Reading.RESPONSE);
        yield new Frame(
            frame.layout(),
            frame.sequence(),
            frame.template(),
            frame.reading().withPadding(padding));
      }
      case ScoredRows.AppendedToken(long id) ->
          conversation(texts, texts.special(id), Reading.RESPONSE);
      case ScoredRows.WholeSequence() -> conversation(texts, "", Reading.WHOLE_SEQUENCE);
      // The separator stands between empty lines, and the responses in the assistant's message, as
      // in the training data of arXiv 2604.10966.
      case ScoredRows.BetweenSeparators(String literal) ->
          new Frame(
              Layout.JOINT,
              new SequenceConfig("", "", "\n\n", literal, "\n\n", "", true),
              rendered(texts),
              HeadReading.ofResponses());
      case ScoredRows.FirstToken() -> pair(checkpoint.pattern(), texts);
      // The token stands after every step, without filler, as in the model card of
      // Qwen2.5-Math-PRM.
      case ScoredRows.EveryToken(String literal) ->
          new Frame(
              Layout.INDEPENDENT,
              new SequenceConfig("", "", "", literal, "", "", true),
              rendered(texts),
              HeadReading.of(Reading.STEPS));
      case ScoredRows.StepEnds() -> steps(folder, texts, choices);
    };
  }

  /** The conversation as the template renders it, then a token where one is appended. */
  private static Frame conversation(TokenizerTexts texts, String appended, Reading reading) {
    return new Frame(
        Layout.INDEPENDENT,
        new SequenceConfig("", "", "", "", "", appended, true),
        rendered(texts),
        HeadReading.of(reading));
  }

  /**
   * A prompt and a response as a pair: RoBERTa puts two separators between them, BERT and DeBERTa
   * one. BERT alone tells the two apart by token types.
   */
  private static Frame pair(HeadPattern pattern, TokenizerTexts texts) {
    String separator = texts.token("sep_token");
    int between = pattern == HeadPattern.ROBERTA ? 2 : 1;
    String first = texts.token("cls_token");
    texts.require(first, separator);
    return new Frame(
        Layout.INDEPENDENT,
        new SequenceConfig(first, separator.repeat(between), "", "", "", separator, false),
        noTemplate(),
        new HeadReading(
            Reading.FIRST_TOKEN,
            Optional.empty(),
            Optional.empty(),
            pattern == HeadPattern.BERT ? Optional.of(separator) : Optional.empty(),
            Optional.empty(),
            Optional.empty()));
  }

  /** The prompt as it is, behind the token that begins texts, then steps: TRL's PRMTrainer. */
  private static Frame steps(Path folder, TokenizerTexts texts, ModelChoices choices) {
    String end =
        choices
            .stepSeparator()
            .orElseThrow(() ->
                new InvalidArgumentException(
                    "%s: the model is read at the end of every step, and its files do not say what text ends one; choose the step separator it was trained with (TRL's own default is a line end) by --step-separator or ModelChoices"
                        .formatted(folder)));
    String first = texts.tokens().getOrDefault("bos_token", "");
    if (!first.isEmpty()) {
      texts.require(first);
    }
    return new Frame(
        Layout.INDEPENDENT,
        new SequenceConfig(first, "", "", "", "", "", true),
        noTemplate(),
        new HeadReading(
            Reading.STEPS,
            Optional.empty(),
            Optional.of(end),
            Optional.empty(),
            Optional.empty(),
            Optional.empty()));
  }

  private static Frame reranker(TokenizerTexts texts) {
    texts.require(QWEN3_TOKENS);
    return new Frame(
        Layout.INDEPENDENT,
        new SequenceConfig(QWEN3_BEFORE, QWEN3_BETWEEN, "", "", "", QWEN3_AFTER, true),
        noTemplate(),
        HeadReading.ofResponses());
  }

  /** Query, line end, passage, line end and instruction, each tokenised by itself. */
  private static Frame bgeGemma(TokenizerTexts texts) {
    String first = texts.token("bos_token");
    texts.require(first);
    return new Frame(
        Layout.INDEPENDENT,
        new SequenceConfig(first + BGE_BEFORE, BGE_BETWEEN, "", "", "", BGE_AFTER, true),
        noTemplate(),
        HeadReading.ofResponses().withApart(BGE_APART));
  }

  private static ChatTemplateConfig noTemplate() {
    return new ChatTemplateConfig("", "nothing", Map.of());
  }

  private static ChatTemplateConfig rendered(TokenizerTexts texts) {
    return new ChatTemplateConfig(texts.templateFile(), "conversation", texts.tokens());
  }
}
