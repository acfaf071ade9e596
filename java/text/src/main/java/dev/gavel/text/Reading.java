package dev.gavel.text;

import dev.gavel.Spans;

/** Which rows of a sequence the head reads for a response. */
enum Reading {
  /** The rows of the response itself: its end, its ends, or all. */
  RESPONSE,
  /** The token that ends each step of the response: a score per step. */
  STEPS,
  /** The first token of the sequence, as encoders of pairs are read; one response per sequence. */
  FIRST_TOKEN,
  /** All rows of the sequence; one response per sequence. */
  WHOLE_SEQUENCE;

  /** The rows to read, from those of the responses in a sequence of this many tokens. */
  Spans spans(Spans responses, int tokens) {
    return switch (this) {
      case RESPONSE, STEPS -> responses;
      case FIRST_TOKEN -> Spans.ofRows(0);
      case WHOLE_SEQUENCE -> Spans.of(new int[] {0}, new int[] {tokens - 1});
    };
  }
}
