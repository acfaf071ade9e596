package dev.gavel.checkpoint;

/** At which rows of a sequence a published model is read: what its index rule has to find. */
public sealed interface ScoredRows {

  /** The last real token of the sequence: one score per sequence. */
  record LastToken() implements ScoredRows {}

  /**
   * The last token that is not the padding token, told by its id as the sequence classifiers of
   * transformers do: one score per sequence. Where the padding token ends texts, too, that is a
   * token before their end. {@link dev.gavel.IndexRule#lastNonPadId}
   *
   * @param padding id of the padding token
   */
  record LastNonPadding(long padding) implements ScoredRows {}

  /** The first token of the sequence, as encoders of pairs are read: one score per sequence. */
  record FirstToken() implements ScoredRows {}

  /** All real tokens of the sequence, pooled: one score per sequence. */
  record WholeSequence() implements ScoredRows {}

  /**
   * A token that has to be appended to the sequence and is read there: one score per sequence.
   *
   * @param id its id
   */
  record AppendedToken(long id) implements ScoredRows {}

  /**
   * Every occurrence of a special token that ends a step: one score per step.
   *
   * @param literal text of the token
   */
  record EveryToken(String literal) implements ScoredRows {}

  /**
   * The last token of the text that ends a step, which the checkpoint does not record (TRL's
   * default is a line end): one score per step.
   */
  record StepEnds() implements ScoredRows {}

  /**
   * The rows of every response between separators, the layout JOINT of arXiv 2604.10966: one score
   * per response.
   *
   * @param literal text of the separator token
   */
  record BetweenSeparators(String literal) implements ScoredRows {}
}
