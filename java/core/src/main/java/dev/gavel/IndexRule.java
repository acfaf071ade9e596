package dev.gavel;

import java.util.ArrayList;
import java.util.List;

/**
 * Which rows of a sequence belong to which response: integers only. Rules never compare ids with a
 * padding id; a sequence carries its explicit lengths. Positions count from the start of the
 * sequence, padding included. A response without a token gets {@link Spans#NONE}.
 */
public sealed interface IndexRule {

  /**
   * LAST_BY_MASK: one response, which ends at the last real token (the rule of OpenRLHF, NeMo and
   * DMoERM).
   *
   * <p>The first row is where the sequence's responses begin.
   */
  static IndexRule lastByMask() {
    return new LastByMask();
  }

  /**
   * BEFORE_SEPARATOR: responses lie between separators; each ends just before its separator, the
   * last one at the last real token, so after a chat template's closing tokens (YOJO, arXiv
   * 2604.10966; its code pools the last response at the padded length instead, which is a padding
   * row in a batch).
   *
   * <p>Separators inside the prompt do not count. There is one response more than separators. Two
   * separators side by side, or one at either end, enclose an empty response.
   *
   * @param separatorId id of the separator token
   */
  static IndexRule beforeSeparator(long separatorId) {
    return new BeforeSeparator(separatorId);
  }

  /** EXPLICIT: these rows, checked against the sequence. */
  static IndexRule explicit(Spans spans) {
    return new Explicit(spans);
  }

  /** The rows of every response of this sequence, in order. */
  Spans spans(TokenSequence sequence);

  /** One response, which ends at the last real token. */
  record LastByMask() implements IndexRule {
    @Override
    public Spans spans(TokenSequence sequence) {
      int[] span = span(sequence.responsesFrom(), sequence.end());
      return Spans.of(new int[] {span[0]}, new int[] {span[1]});
    }
  }

  /**
   * Responses between separators.
   *
   * @param separatorId id of the separator token
   */
  record BeforeSeparator(long separatorId) implements IndexRule {
    @Override
    public Spans spans(TokenSequence sequence) {
      List<int[]> found = new ArrayList<>();
      int from = sequence.responsesFrom();
      for (int i = from; i < sequence.end(); i++) {
        if (sequence.id(i) == separatorId) {
          found.add(span(from, i));
          from = i + 1;
        }
      }
      found.add(span(from, sequence.end()));
      return Spans.of(
          found.stream().mapToInt(span -> span[0]).toArray(),
          found.stream().mapToInt(span -> span[1]).toArray());
    }
  }

  /**
   * Rows the caller knows.
   *
   * @param given rows of every response
   */
  record Explicit(Spans given) implements IndexRule {
    /**
     * {@inheritDoc}
     *
     * @throws InvalidArgumentException if a row is not a real token of the sequence
     */
    @Override
    public Spans spans(TokenSequence sequence) {
      for (int i = 0; i < given.size(); i++) {
        if (given.isValid(i)
            && (given.first(i) < sequence.begin() || given.last(i) >= sequence.end())) {
          throw new InvalidArgumentException(
              "response %d has rows %d to %d, outside the real tokens of the sequence, %d to %d"
                  .formatted(
                      i, given.first(i), given.last(i), sequence.begin(), sequence.end() - 1));
        }
      }
      return given;
    }
  }

  private static int[] span(int from, int to) {
    return from < to ? new int[] {from, to - 1} : new int[] {Spans.NONE, Spans.NONE};
  }
}
