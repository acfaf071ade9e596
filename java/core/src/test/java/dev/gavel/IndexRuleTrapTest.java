package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.IndexRule.EmptyResponse;
import dev.gavel.IndexRule.LastResponseEnd;
import dev.gavel.IndexRule.OutOfRange;
import org.junit.jupiter.api.Test;

/** Where published code takes another row than the right one: both, side by side. */
class IndexRuleTrapTest {
  private static final long END = 2;
  private static final long PAD = 0;
  private static final long SEPARATOR = 7;

  private static int last(IndexRule rule, TokenSequence sequence) {
    Spans spans = rule.spans(sequence);
    return spans.last(spans.size() - 1);
  }

  @Test
  void anIdRuleDropsAGenuineEndThatIsAlsoThePadding() {
    long[] ids = {5, 6, 8, END, END, END};
    TokenSequence sequence = TokenSequence.of(ids, 0, 4, 1);
    assertEquals(3, last(IndexRule.lastByMask(), sequence));
    assertEquals(2, last(IndexRule.lastNonPadId(END), sequence));
    assertEquals(2, last(IndexRule.firstPadMinusOne(END), sequence));
  }

  @Test
  void theFirstPaddingIdInsideTheTextEndsItTooEarly() {
    long[] ids = {5, PAD, 8, 9, PAD, PAD};
    TokenSequence sequence = TokenSequence.of(ids, 0, 4, 1);
    assertEquals(3, last(IndexRule.lastByMask(), sequence));
    assertEquals(3, last(IndexRule.lastNonPadId(PAD), sequence));
    assertEquals(0, last(IndexRule.firstPadMinusOne(PAD), sequence));
  }

  /** (0 - 1) modulo the length is the last column: right with padding on the left by luck. */
  @Test
  void paddingOnTheLeftOrNoneGivesTheLastColumn() {
    TokenSequence left = TokenSequence.of(new long[] {PAD, PAD, 8, 9}, 2, 4, 2);
    TokenSequence none = TokenSequence.unpadded(new long[] {6, 8, 9}, 1);
    assertEquals(3, last(IndexRule.firstPadMinusOne(PAD), left));
    assertEquals(2, last(IndexRule.firstPadMinusOne(PAD), none));
    TokenSequence gap = TokenSequence.of(new long[] {PAD, 8, 9, PAD}, 1, 3, 1);
    assertEquals(2, last(IndexRule.lastByMask(), gap));
    assertEquals(3, last(IndexRule.firstPadMinusOne(PAD), gap));
  }

  @Test
  void theLastColumnIsPaddingWherePaddingIsOnTheRight() {
    long[] ids = {5, 6, 8, PAD, PAD};
    assertEquals(4, last(IndexRule.lastColumn(), TokenSequence.of(ids, 0, 3, 1)));
    assertEquals(2, last(IndexRule.lastByMask(), TokenSequence.of(ids, 0, 3, 1)));
    long[] left = {PAD, PAD, 5, 6, 8};
    assertEquals(4, last(IndexRule.lastColumn(), TokenSequence.of(left, 2, 5, 3)));
    assertEquals(4, last(IndexRule.lastByMask(), TokenSequence.of(left, 2, 5, 3)));
  }

  @Test
  void nothingButPaddingHasNoRow() {
    TokenSequence sequence = TokenSequence.of(new long[3], 0, 0, 0);
    assertEquals("[none]", IndexRule.lastNonPadId(PAD).spans(sequence).toString());
    TokenSequence nothing = TokenSequence.unpadded(new long[0], 0);
    assertEquals("[none]", IndexRule.lastColumn().spans(nothing).toString());
    assertEquals("[none]", IndexRule.firstPadMinusOne(PAD).spans(nothing).toString());
  }

  @Test
  void aRowBeforeTheResponsesIsASpanOfItsOwn() {
    TokenSequence sequence = TokenSequence.of(new long[] {5, 6, END, END}, 0, 3, 2);
    assertEquals("[1..1]", IndexRule.lastNonPadId(END).spans(sequence).toString());
    assertEquals("[2..2]", IndexRule.lastByMask().spans(sequence).toString());
  }

  @Test
  void theLastResponseOfYojoEndsAtThePaddedLengthOnRequest() {
    long[] ids = {1, 2, SEPARATOR, 3, 4, PAD, PAD};
    TokenSequence sequence = TokenSequence.of(ids, 0, 5, 1);
    IndexRule padded =
        IndexRule.beforeSeparator(
            SEPARATOR, LastResponseEnd.LAST_COLUMN, EmptyResponse.TOKEN_BEFORE);
    assertEquals("[1..1, 3..6]", padded.spans(sequence).toString());
    assertEquals("[1..1, 3..4]", IndexRule.beforeSeparator(SEPARATOR).spans(sequence).toString());
  }

  @Test
  void anEmptyResponseIsATokenOfOthersOnRequest() {
    TokenSequence sequence =
        TokenSequence.unpadded(new long[] {1, SEPARATOR, SEPARATOR, 5, SEPARATOR}, 1);
    IndexRule before =
        IndexRule.beforeSeparator(
            SEPARATOR, LastResponseEnd.LAST_REAL_TOKEN, EmptyResponse.TOKEN_BEFORE);
    assertEquals("[0..0, 1..1, 3..3, 4..4]", before.spans(sequence).toString());
    assertEquals(
        "[none, none, 3..3, none]",
        IndexRule.beforeSeparator(SEPARATOR).spans(sequence).toString());
    TokenSequence first = TokenSequence.unpadded(new long[] {SEPARATOR, 5}, 0);
    assertEquals("[none, 1..1]", before.spans(first).toString());
  }

  @Test
  void rowsOutOfRangeAreRefusedOrClampedByName() {
    TokenSequence sequence = TokenSequence.of(new long[6], 1, 5, 1);
    Spans outside = Spans.of(new int[] {0, 3, Spans.NONE}, new int[] {2, 9, Spans.NONE});
    assertThrows(InvalidArgumentException.class, () -> IndexRule.explicit(outside).spans(sequence));
    assertEquals(
        "[1..2, 3..4, none]",
        IndexRule.explicit(outside, OutOfRange.CLAMP).spans(sequence).toString());
    TokenSequence padding = TokenSequence.of(new long[6], 3, 3, 3);
    assertThrows(
        InvalidArgumentException.class,
        () -> IndexRule.explicit(outside, OutOfRange.CLAMP).spans(padding));
  }

  @Test
  void markersOfThePromptAndOfPaddingAreNoSteps() {
    long[] ids = {9, 1, 9, 4, 9, 9};
    assertEquals(Spans.ofRows(2, 4), IndexRule.atToken(9).spans(TokenSequence.of(ids, 0, 5, 1)));
    assertEquals(0, IndexRule.atToken(8).spans(TokenSequence.of(ids, 0, 5, 1)).size());
  }

  @Test
  void theLastOfSeveralPatternsCounts() {
    long[] ids = {3, 4, 1, 3, 4, 3, 3, 4};
    IndexRule rule = IndexRule.lastPattern(3, 4);
    assertEquals(Spans.ofRows(6), rule.spans(TokenSequence.unpadded(ids, 8)));
    assertEquals(Spans.ofRows(3), rule.spans(TokenSequence.of(ids, 0, 7, 7)));
    assertEquals(
        Spans.ofRows(1), IndexRule.lastPattern(4, 1, 3).spans(TokenSequence.unpadded(ids, 0)));
    assertEquals(Spans.ofRows(0), rule.spans(TokenSequence.of(ids, 0, 2, 2)));
    InvalidArgumentException missing =
        assertThrows(
            InvalidArgumentException.class, () -> rule.spans(TokenSequence.of(ids, 1, 4, 4)));
    assertTrue(missing.getMessage().contains("[3, 4]"), missing.getMessage());
    assertThrows(InvalidArgumentException.class, IndexRule::lastPattern);
    assertThrows(
        InvalidArgumentException.class,
        () -> rule.spans(TokenSequence.unpadded(new long[] {3}, 0)));
  }
}
