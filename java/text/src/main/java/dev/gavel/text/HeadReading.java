package dev.gavel.text;

import dev.gavel.checkpoint.GateRows;
import java.util.Optional;

/**
 * How a head reads the sequences of its model, beyond what the model's configuration says.
 *
 * @param rows which rows it reads
 * @param gate where its gate reads; empty without one
 * @param stepEnd text that ends every step and is read at its last token; empty where a special
 *     token does, or nothing
 * @param secondTextAfter literal of the token after whose first place token types are 1, as in
 *     BERT's pairs; empty where they are all 0
 * @param apart text that is tokenised by itself wherever the fixed parts of a sequence have it, as
 *     the line ends between the parts of bge-reranker-v2-gemma; empty where texts that stand side
 *     by side are tokenised as one
 * @param padding id of the padding token, where the end of a response is the last token that is
 *     another: so transformers' sequence classifiers find it, also where it is a real token
 */
record HeadReading(
    Reading rows,
    Optional<GateRows> gate,
    Optional<String> stepEnd,
    Optional<String> secondTextAfter,
    Optional<String> apart,
    Optional<Long> padding) {

  /** What a vector of a response is made of, in words. */
  String described() {
    String which =
        switch (rows) {
          case RESPONSE -> "those of the response";
          case STEPS -> "the end of every step";
          case FIRST_TOKEN -> "the first of the sequence";
          case WHOLE_SEQUENCE -> "all of the sequence";
        };
    return which
        + secondTextAfter.map(token -> ", token types 1 after " + token).orElse("")
        + apart.map(text -> ", '%s' tokenised by itself".formatted(Excerpt.of(text))).orElse("")
        + padding.map(", up to the last token that is not token %d"::formatted).orElse("");
  }

  /** The rows of the responses, and nothing else of the sequence. */
  static HeadReading ofResponses() {
    return of(Reading.RESPONSE);
  }

  /** These rows. */
  static HeadReading of(Reading rows) {
    return new HeadReading(
        rows,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** The same with a gate. */
  HeadReading withGate(GateRows at) {
    return new HeadReading(rows, Optional.of(at), stepEnd, secondTextAfter, apart, padding);
  }

  /** The same with a text that is tokenised by itself. */
  HeadReading withApart(String text) {
    return new HeadReading(rows, gate, stepEnd, secondTextAfter, Optional.of(text), padding);
  }

  /** The same that ends where the last token stands that is not this one. */
  HeadReading withPadding(long id) {
    return new HeadReading(rows, gate, stepEnd, secondTextAfter, apart, Optional.of(id));
  }
}
