package dev.gavel;

import dev.gavel.message.Counted;

/**
 * Token ids of one sequence with its explicit lengths: where the real tokens begin and end, and
 * where the first response begins. What lies outside [begin, end) is padding, whatever its ids are.
 * Immutable; the ids are copied.
 */
public final class TokenSequence {
  private final long[] ids;
  private final int begin;
  private final int end;
  private final int responsesFrom;

  private TokenSequence(long[] ids, int begin, int end, int responsesFrom) {
    this.ids = ids;
    this.begin = begin;
    this.end = end;
    this.responsesFrom = responsesFrom;
  }

  /**
   * A sequence with its lengths.
   *
   * @param ids token ids, padding included
   * @param begin position of the first real token
   * @param end position after the last real token
   * @param responsesFrom position where the first response begins: what lies before it is the
   *     prompt
   * @throws InvalidArgumentException unless 0 &lt;= begin &lt;= responsesFrom &lt;= end &lt;=
   *     ids.length
   */
  public static TokenSequence of(long[] ids, int begin, int end, int responsesFrom) {
    if (begin < 0 || responsesFrom < begin || end < responsesFrom || ids.length < end) {
      throw new InvalidArgumentException(
          "sequence of %s: begin %d, responses from %d, end %d; they must not fall, and lie in [0, %d]"
              .formatted(Counted.of(ids.length, "token"), begin, responsesFrom, end, ids.length));
    }
    return new TokenSequence(ids.clone(), begin, end, responsesFrom);
  }

  /** A sequence without padding. */
  public static TokenSequence unpadded(long[] ids, int responsesFrom) {
    return of(ids, 0, ids.length, responsesFrom);
  }

  /**
   * A sequence whose real tokens are told by an attention mask.
   *
   * @param ids token ids, padding included
   * @param mask one value per id: 1 = real, 0 = padding; the ones must be one run
   * @param responsesFrom position where the first response begins, padding counted
   * @throws InvalidArgumentException if the mask has another length, other values or a hole, or
   *     responsesFrom is outside its run
   */
  public static TokenSequence masked(long[] ids, long[] mask, int responsesFrom) {
    if (mask.length != ids.length) {
      throw new InvalidArgumentException(
          "attention mask has %s for %s; there must be one per id"
              .formatted(Counted.of(mask.length, "value"), Counted.of(ids.length, "token id")));
    }
    int begin = -1;
    int end = -1;
    for (int i = 0; i < mask.length; i++) {
      if (mask[i] != 0 && mask[i] != 1) {
        throw new InvalidArgumentException(
            "attention mask is %d at position %d; it must be 0 or 1".formatted(mask[i], i));
      }
      if (mask[i] == 1) {
        if (end >= 0 && end != i) {
          throw new InvalidArgumentException(
              "attention mask has a hole: 0 from position %d to %d between ones; give the real tokens as one run"
                  .formatted(end, i - 1));
        }
        begin = begin < 0 ? i : begin;
        end = i + 1;
      }
    }
    return begin < 0
        ? of(ids, responsesFrom, responsesFrom, responsesFrom)
        : of(ids, begin, end, responsesFrom);
  }

  /** Number of tokens, padding included. */
  public int length() {
    return ids.length;
  }

  /** Id of the token at a position. */
  public long id(int position) {
    return ids[position];
  }

  /**
   * The token that each row of a causal language model predicts: the id at the next position, and
   * -1 at the last position, which predicts none. The log-probabilities of the tokens at positions
   * a to b are those of the rows a - 1 to b - 1.
   */
  public long[] nextIds() {
    long[] next = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      next[i] = i + 1 < ids.length ? ids[i + 1] : -1;
    }
    return next;
  }

  /** Position of the first real token. */
  public int begin() {
    return begin;
  }

  /** Position after the last real token. */
  public int end() {
    return end;
  }

  /** Position where the first response begins. */
  public int responsesFrom() {
    return responsesFrom;
  }

  @Override
  public String toString() {
    return "%s, real %d..%d, responses from %d"
        .formatted(Counted.of(ids.length, "token"), begin, end - 1, responsesFrom);
  }
}
