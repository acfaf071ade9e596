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
 */
record HeadReading(
    Reading rows,
    Optional<GateRows> gate,
    Optional<String> stepEnd,
    Optional<String> secondTextAfter) {

  /** The rows of the responses, and nothing else of the sequence. */
  static HeadReading ofResponses() {
    return of(Reading.RESPONSE);
  }

  /** These rows. */
  static HeadReading of(Reading rows) {
    return new HeadReading(rows, Optional.empty(), Optional.empty(), Optional.empty());
  }

  /** The same with a gate. */
  HeadReading withGate(GateRows at) {
    return new HeadReading(rows, Optional.of(at), stepEnd, secondTextAfter);
  }
}
