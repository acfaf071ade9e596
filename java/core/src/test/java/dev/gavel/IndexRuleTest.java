package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class IndexRuleTest {
  private static final long SEPARATOR = 7;
  private static final long PAD = 0;

  @Test
  void aSeparatorEndsTheResponseBeforeIt() {
    TokenSequence sequence =
        TokenSequence.unpadded(new long[] {1, 7, 2, 3, SEPARATOR, 4, SEPARATOR, 5, 6}, 2);
    Spans spans = IndexRule.beforeSeparator(SEPARATOR).spans(sequence);
    assertEquals(Spans.of(new int[] {2, 5, 7}, new int[] {3, 5, 8}), spans);
  }

  @Test
  void anEmptyResponseHasNoRow() {
    TokenSequence sequence =
        TokenSequence.unpadded(new long[] {1, SEPARATOR, SEPARATOR, 5, SEPARATOR}, 1);
    Spans spans = IndexRule.beforeSeparator(SEPARATOR).spans(sequence);
    assertEquals(4, spans.size());
    assertEquals("[none, none, 3..3, none]", spans.toString());
    assertEquals(Spans.NONE, spans.last(0));
  }

  @Test
  void aSequenceOfPaddingHasNoResponse() {
    TokenSequence sequence = TokenSequence.masked(new long[3], new long[3], 0);
    assertEquals("[none]", IndexRule.lastByMask().spans(sequence).toString());
  }

  @Test
  void theLastResponseEndsAtTheLastRealTokenNotAtThePaddedLength() {
    long[] ids = {1, 2, SEPARATOR, 3, 4, PAD, PAD, PAD};
    Spans spans = IndexRule.beforeSeparator(SEPARATOR).spans(TokenSequence.of(ids, 0, 5, 1));
    assertEquals(4, spans.last(1));
  }

  /**
   * Padding on the left moves every row by its length, on the right by nothing; its ids do not
   * matter.
   */
  @Property
  void paddingDoesNotMoveRows(
      @ForAll @Size(max = 40) long @LongRange(min = 0, max = 8) [] text,
      @ForAll @IntRange(max = 9) int left,
      @ForAll @IntRange(max = 9) int right,
      @ForAll @LongRange(min = 0, max = 8) long padId,
      @ForAll @IntRange(max = 40) int promptLength) {
    int prompt = Math.min(promptLength, text.length);
    long[] padded = new long[left + text.length + right];
    Arrays.fill(padded, padId);
    System.arraycopy(text, 0, padded, left, text.length);
    long[] mask = new long[padded.length];
    Arrays.fill(mask, left, left + text.length, 1);
    for (IndexRule rule :
        new IndexRule[] {IndexRule.lastByMask(), IndexRule.beforeSeparator(SEPARATOR)}) {
      Spans alone = rule.spans(TokenSequence.unpadded(text, prompt));
      Spans inBatch = rule.spans(TokenSequence.masked(padded, mask, left + prompt));
      assertEquals(alone.size(), inBatch.size());
      for (int i = 0; i < alone.size(); i++) {
        assertEquals(alone.isValid(i), inBatch.isValid(i));
        if (alone.isValid(i)) {
          assertEquals(alone.first(i) + left, inBatch.first(i));
          assertEquals(alone.last(i) + left, inBatch.last(i));
        }
      }
    }
  }

  /** Changing any id that is no separator, to a padding id too, changes no row. */
  @Property
  void idsInsideTheTextDoNotMatter(
      @ForAll @Size(min = 1, max = 40) long @LongRange(min = 0, max = 8) [] text,
      @ForAll @IntRange(max = 39) int position) {
    int at = position % text.length;
    long[] changed = text.clone();
    changed[at] = text[at] == SEPARATOR ? SEPARATOR : PAD;
    for (IndexRule rule :
        new IndexRule[] {IndexRule.lastByMask(), IndexRule.beforeSeparator(SEPARATOR)}) {
      assertEquals(
          rule.spans(TokenSequence.unpadded(text, 0)),
          rule.spans(TokenSequence.unpadded(changed, 0)));
    }
  }

  /** Responses and separators together are exactly the tokens after the prompt. */
  @Property
  void responsesAndSeparatorsPartitionTheSequence(
      @ForAll @Size(max = 60) long @LongRange(min = 5, max = 9) [] text) {
    Spans spans = IndexRule.beforeSeparator(SEPARATOR).spans(TokenSequence.unpadded(text, 0));
    long separators = Arrays.stream(text).filter(id -> id == SEPARATOR).count();
    assertEquals(separators + 1, spans.size());
    long covered = separators;
    for (int i = 0; i < spans.size(); i++) {
      if (spans.isValid(i)) {
        covered += spans.last(i) - spans.first(i) + 1;
        for (int t = spans.first(i); t <= spans.last(i); t++) {
          assertTrue(text[t] != SEPARATOR);
        }
      }
    }
    assertEquals(text.length, covered);
  }

  @Test
  void explicitRowsMustBeRealTokens() {
    TokenSequence sequence = TokenSequence.of(new long[6], 1, 5, 1);
    Spans inside = Spans.of(new int[] {1, Spans.NONE}, new int[] {4, Spans.NONE});
    assertEquals(inside, IndexRule.explicit(inside).spans(sequence));
    for (int row : new int[] {0, 5, 6}) {
      IndexRule rule = IndexRule.explicit(Spans.ofRows(row));
      InvalidArgumentException refused =
          assertThrows(InvalidArgumentException.class, () -> rule.spans(sequence));
      assertTrue(refused.getMessage().contains("real tokens"), refused.getMessage());
    }
  }

  @Test
  void spansMustRise() {
    assertThrows(InvalidArgumentException.class, () -> Spans.of(new int[] {3}, new int[] {2}));
    assertThrows(InvalidArgumentException.class, () -> Spans.of(new int[] {-1}, new int[] {2}));
    assertThrows(InvalidArgumentException.class, () -> Spans.of(new int[] {-2}, new int[] {-2}));
    assertThrows(InvalidArgumentException.class, () -> Spans.of(new int[2], new int[1]));
  }

  @Test
  void masksMustBeOneRunOfOnes() {
    long[] ids = new long[4];
    assertThrows(
        InvalidArgumentException.class,
        () -> TokenSequence.masked(ids, new long[] {1, 0, 1, 1}, 0));
    assertThrows(
        InvalidArgumentException.class,
        () -> TokenSequence.masked(ids, new long[] {1, 2, 1, 1}, 0));
    assertThrows(
        InvalidArgumentException.class, () -> TokenSequence.masked(ids, new long[] {1, 1, 1}, 0));
    assertThrows(
        InvalidArgumentException.class,
        () -> TokenSequence.masked(ids, new long[] {0, 0, 1, 1}, 1));
  }

  @Property
  void lengthsMustNotFall(
      @ForAll @IntRange(min = -2, max = 8) int begin,
      @ForAll @IntRange(min = -2, max = 8) int end,
      @ForAll @IntRange(min = -2, max = 8) int from) {
    long[] ids = new long[5];
    if (0 <= begin && begin <= from && from <= end && end <= ids.length) {
      assertEquals(begin, TokenSequence.of(ids, begin, end, from).begin());
    } else {
      assertThrows(InvalidArgumentException.class, () -> TokenSequence.of(ids, begin, end, from));
    }
  }
}
