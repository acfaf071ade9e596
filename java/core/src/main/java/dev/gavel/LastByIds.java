package dev.gavel;

/**
 * Rules for the last token that look at columns or ids and not at the lengths of the sequence: what
 * the code of published checkpoints does. They may give a row of padding. The span begins where the
 * responses begin, or is that one row where it lies before them.
 */
final class LastByIds {
  private LastByIds() {}

  /**
   * The last token whose id is not the padding id.
   *
   * @param padId id of the padding token
   */
  record LastNonPadId(long padId) implements IndexRule {
    @Override
    public Spans spans(TokenSequence sequence) {
      int row = sequence.length() - 1;
      while (row >= 0 && sequence.id(row) == padId) {
        row--;
      }
      return endingAt(sequence, row);
    }
  }

  /**
   * The token before the first one with the padding id, modulo the length.
   *
   * @param padId id of the padding token
   */
  record FirstPadMinusOne(long padId) implements IndexRule {
    @Override
    public Spans spans(TokenSequence sequence) {
      for (int i = 1; i < sequence.length() && sequence.id(0) != padId; i++) {
        if (sequence.id(i) == padId) {
          return endingAt(sequence, i - 1);
        }
      }
      return endingAt(sequence, sequence.length() - 1);
    }
  }

  /** The last column. */
  record LastColumn() implements IndexRule {
    @Override
    public Spans spans(TokenSequence sequence) {
      return endingAt(sequence, sequence.length() - 1);
    }
  }

  private static Spans endingAt(TokenSequence sequence, int row) {
    return row < 0
        ? Spans.ofRows(Spans.NONE)
        : Spans.of(new int[] {Math.min(sequence.responsesFrom(), row)}, new int[] {row});
  }
}
