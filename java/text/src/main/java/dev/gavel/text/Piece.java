package dev.gavel.text;

/** A part of a sequence before it is tokenised. */
sealed interface Piece {

  /**
   * A special token that the layout or the chat template places.
   *
   * @param id its id
   */
  record Special(long id) implements Piece {}

  /**
   * The special token between two responses.
   *
   * @param id its id
   */
  record Separator(long id) implements Piece {}

  /** Texts on its two sides are tokenised apart, each as if it stood alone. */
  record Break() implements Piece {}

  /** A part that is text. */
  sealed interface Text extends Piece {
    String text();
  }

  /**
   * Text of the layout or the chat template; it is never cut.
   *
   * @param text the text
   */
  record Fixed(String text) implements Text {}

  /**
   * Text of the prompt.
   *
   * @param text the text
   * @param cuttable whether its end may be cut to keep the budget
   */
  record Prompt(String text, boolean cuttable) implements Text {}

  /**
   * A response.
   *
   * @param text the text
   */
  record Response(String text) implements Text {}
}
