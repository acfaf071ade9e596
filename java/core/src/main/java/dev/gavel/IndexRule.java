package dev.gavel;

import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which rows of a sequence belong to which response: integers only. Positions count from the start
 * of the sequence, padding included. A response without a token gets {@link Spans#NONE}.
 *
 * <p>LAST_BY_MASK, BEFORE_SEPARATOR, AT_TOKEN, LAST_PATTERN and EXPLICIT go by the explicit lengths
 * of the sequence and never give a row of padding. LAST_NON_PAD_ID, FIRST_PAD_MINUS_ONE and
 * LAST_COLUMN ignore the lengths, as the code they come from does, and may give one: take them only
 * for a checkpoint that was trained or is published with them.
 */
public sealed interface IndexRule
    permits IndexRule.LastByMask,
        IndexRule.BeforeSeparator,
        IndexRule.AtToken,
        IndexRule.LastPattern,
        IndexRule.Explicit,
        LastByIds.LastNonPadId,
        LastByIds.FirstPadMinusOne,
        LastByIds.LastColumn {

  /** What BEFORE_SEPARATOR takes as the end of the last response. */
  enum LastResponseEnd {
    /** The last real token. */
    LAST_REAL_TOKEN,
    /**
     * The last column, padding or not: what the public YOJO code pools, which its authors ran with
     * one sequence a batch. With padding on the right it is a row of padding.
     */
    LAST_COLUMN
  }

  /** What BEFORE_SEPARATOR gives for a response without a token. */
  enum EmptyResponse {
    /** No row: the score is -infinity. */
    NO_ROW,
    /**
     * The token before its separator, which belongs to the separator before it or to the prompt:
     * the public YOJO code, which scores it as if it were a response.
     */
    TOKEN_BEFORE
  }

  /** What EXPLICIT does with a row outside the real tokens. */
  enum OutOfRange {
    /** An error. */
    REFUSE,
    /**
     * The nearest real token: the public YOJO code, which warns and goes on with a row nobody asked
     * for.
     */
    CLAMP
  }

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
   * 2604.10966).
   *
   * <p>Separators inside the prompt do not count. There is one response more than separators. Two
   * separators side by side, or one at either end, enclose an empty response.
   *
   * @param separatorId id of the separator token
   */
  static IndexRule beforeSeparator(long separatorId) {
    return beforeSeparator(separatorId, LastResponseEnd.LAST_REAL_TOKEN, EmptyResponse.NO_ROW);
  }

  /**
   * BEFORE_SEPARATOR with the choices in which the public YOJO code differs.
   *
   * @param separatorId id of the separator token
   * @param lastResponseEnd where the last response ends
   * @param emptyResponse what a response without a token gets
   */
  static IndexRule beforeSeparator(
      long separatorId, LastResponseEnd lastResponseEnd, EmptyResponse emptyResponse) {
    return new BeforeSeparator(separatorId, lastResponseEnd, emptyResponse);
  }

  /**
   * AT_TOKEN: one row for every real token with this id from where the responses begin, in order:
   * the markers after each step (Qwen2.5-Math-PRM and Fin-PRM {@code <extra_0>}, Math-Shepherd,
   * BiPRM) or one score token (ADIEE). No marker, no row.
   *
   * @param tokenId id of the marker
   */
  static IndexRule atToken(long tokenId) {
    return new AtToken(tokenId);
  }

  /**
   * LAST_PATTERN: one row, the first token of the last place where these ids follow one another,
   * anywhere among the real tokens, the prompt included. ArmoRM's gate reads the header of the
   * answer this way (arXiv 2406.12845; Llama 3: 128009, 128006, 78191, 128007, 271).
   *
   * @param ids the pattern, one id or more
   */
  static IndexRule lastPattern(long... ids) {
    return new LastPattern(Arrays.stream(ids).boxed().toList());
  }

  /** EXPLICIT: these rows, checked against the sequence. */
  static IndexRule explicit(Spans spans) {
    return explicit(spans, OutOfRange.REFUSE);
  }

  /**
   * EXPLICIT with a choice for rows outside the real tokens.
   *
   * @param spans rows of every response
   * @param outOfRange what happens to a row outside the real tokens
   */
  static IndexRule explicit(Spans spans, OutOfRange outOfRange) {
    return new Explicit(spans, outOfRange);
  }

  /**
   * LAST_NON_PAD_ID: one response, which ends at the last token whose id is not the padding id
   * (sequence classification of Hugging Face transformers). Where the padding id is the id of the
   * end of a text, as is common, the genuine end is taken for padding and the row is one too early.
   *
   * @param padId id of the padding token
   */
  static IndexRule lastNonPadId(long padId) {
    return new LastByIds.LastNonPadId(padId);
  }

  /**
   * FIRST_PAD_MINUS_ONE: one response, which ends just before the first token with the padding id,
   * or at the last column where there is none or it is the very first: (first - 1) modulo length
   * (the code of ArmoRM, QRM, LDL, INF-ORM and Starling). Wrong where the padding id occurs inside
   * the text, and with padding on the left.
   *
   * @param padId id of the padding token
   */
  static IndexRule firstPadMinusOne(long padId) {
    return new LastByIds.FirstPadMinusOne(padId);
  }

  /**
   * LAST_COLUMN: one response, which ends at the last column (ARMAP, which pads on the left). With
   * padding on the right it is a row of padding.
   */
  static IndexRule lastColumn() {
    return new LastByIds.LastColumn();
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
   * @param lastResponseEnd where the last response ends
   * @param emptyResponse what a response without a token gets
   */
  record BeforeSeparator(
      long separatorId, LastResponseEnd lastResponseEnd, EmptyResponse emptyResponse)
      implements IndexRule {
    @Override
    public Spans spans(TokenSequence sequence) {
      List<int[]> found = new ArrayList<>();
      int from = sequence.responsesFrom();
      for (int i = from; i < sequence.end(); i++) {
        if (sequence.id(i) == separatorId) {
          found.add(response(from, i));
          from = i + 1;
        }
      }
      found.add(
          switch (lastResponseEnd) {
            case LAST_REAL_TOKEN -> response(from, sequence.end());
            case LAST_COLUMN -> response(from, sequence.length());
          });
      return Spans.of(
          found.stream().mapToInt(span -> span[0]).toArray(),
          found.stream().mapToInt(span -> span[1]).toArray());
    }

    private int[] response(int from, int to) {
      return from == to && emptyResponse == EmptyResponse.TOKEN_BEFORE
          ? span(to - 1, to)
          : span(from, to);
    }
  }

  /**
   * Every marker.
   *
   * @param tokenId id of the marker
   */
  record AtToken(long tokenId) implements IndexRule {
    @Override
    public Spans spans(TokenSequence sequence) {
      return Spans.ofRows(
          IntStream.range(sequence.responsesFrom(), sequence.end())
              .filter(i -> sequence.id(i) == tokenId)
              .toArray());
    }
  }

  /**
   * First token of the last place where ids follow one another.
   *
   * @param ids the pattern
   */
  record LastPattern(List<Long> ids) implements IndexRule {
    /** Takes a copy; refuses an empty pattern. */
    public LastPattern {
      ids = List.copyOf(ids);
      if (ids.isEmpty()) {
        throw new InvalidArgumentException("pattern of no token ids; give one or more");
      }
    }

    /**
     * {@inheritDoc}
     *
     * @throws InvalidArgumentException if the pattern does not occur
     */
    @Override
    public Spans spans(TokenSequence sequence) {
      for (int start = sequence.end() - ids.size(); start >= sequence.begin(); start--) {
        if (matches(sequence, start)) {
          return Spans.ofRows(start);
        }
      }
      throw new InvalidArgumentException(
          "the token pattern %s does not occur among the %s of the sequence; the template of the model writes it, check that it was applied"
              .formatted(ids, Counted.of(sequence.end() - sequence.begin(), "real token")));
    }

    private boolean matches(TokenSequence sequence, int start) {
      return IntStream.range(0, ids.size()).allMatch(i -> sequence.id(start + i) == ids.get(i));
    }
  }

  /**
   * Rows the caller knows.
   *
   * @param given rows of every response
   * @param outOfRange what happens to a row outside the real tokens
   */
  record Explicit(Spans given, OutOfRange outOfRange) implements IndexRule {
    /**
     * {@inheritDoc}
     *
     * @throws InvalidArgumentException if a row is not a real token of the sequence, unless such
     *     rows are clamped and there is a real token
     */
    @Override
    public Spans spans(TokenSequence sequence) {
      int[] first = new int[given.size()];
      int[] last = new int[given.size()];
      for (int i = 0; i < given.size(); i++) {
        first[i] = row(sequence, i, given.first(i));
        last[i] = row(sequence, i, given.last(i));
      }
      return Spans.of(first, last);
    }

    private int row(TokenSequence sequence, int response, int row) {
      if (!given.isValid(response) || (row >= sequence.begin() && row < sequence.end())) {
        return row;
      }
      if (outOfRange == OutOfRange.CLAMP && sequence.begin() < sequence.end()) {
        return Math.clamp(row, sequence.begin(), sequence.end() - 1);
      }
      throw new InvalidArgumentException(
          "response %d has rows %d to %d, outside the real tokens of the sequence, %d to %d"
              .formatted(
                  response,
                  given.first(response),
                  given.last(response),
                  sequence.begin(),
                  sequence.end() - 1));
    }
  }

  private static int[] span(int from, int to) {
    return from >= 0 && from < to ? new int[] {from, to - 1} : new int[] {Spans.NONE, Spans.NONE};
  }
}
