package dev.gavel.text;

import static dev.gavel.text.ByteTokenizer.END;
import static dev.gavel.text.ByteTokenizer.LINES;
import static dev.gavel.text.ByteTokenizer.SEPARATOR;
import static dev.gavel.text.ByteTokenizer.START;
import static dev.gavel.text.ByteTokenizer.STOP_LINES;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.IndexRule;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class GroupPackerTest {
  private static final TokenBudget WIDE = new TokenBudget(10_000, 5_000, 10_000);

  private static Tokenizer tokenizer;

  @BeforeAll
  static void load() {
    tokenizer = ByteTokenizer.load();
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  private static PackedGroup pack(
      Layout layout, SequenceFrame frame, TokenBudget budget, String... responses) {
    return new GroupPacker(tokenizer, Framing.of(frame), budget).pack(layout, List.of(responses));
  }

  private static PackedGroup.Sequence only(PackedGroup packed) {
    assertEquals(1, packed.sequences().size());
    return packed.sequences().getFirst();
  }

  @Test
  void laysOutAnEncoderSequence() {
    PackedGroup packed = pack(Layout.JOINT, Frames.encoder("pq"), WIDE, "ab", "c");
    assertEquals(
        new PackedGroup.Sequence(
            Tokens.of(START, 'p', 'q', SEPARATOR, 'a', 'b', SEPARATOR, 'c', SEPARATOR),
            Spans.of(new int[] {4, 7}, new int[] {5, 7})),
        only(packed));
    assertEquals(2, packed.promptTokens());
    assertEquals(List.of(2, 1), packed.responseTokens());
  }

  @Test
  void tokenisesFillersTogetherWithTheResponsesTheyTouch() {
    // A decoder saw ".\n\n" as one token in training; the response ends with it.
    PackedGroup packed = pack(Layout.JOINT, Frames.yojo("p"), WIDE, "a.", "\nb", "c");
    assertEquals(
        new PackedGroup.Sequence(
            Tokens.of(
                START,
                'p',
                END,
                '\n',
                'a',
                STOP_LINES,
                SEPARATOR,
                LINES,
                '\n',
                'b',
                LINES,
                SEPARATOR,
                LINES,
                'c',
                END,
                '\n'),
            Spans.of(new int[] {4, 8, 13}, new int[] {5, 10, 15})),
        only(packed));
    assertEquals(List.of(2, 2, 1), packed.responseTokens());
  }

  @Test
  void aTokenThatJoinsTheFrameWithAResponseIsTheResponses() {
    PackedGroup packed = pack(Layout.INDEPENDENT, Frames.yojo("p"), WIDE, "\n");
    assertEquals(
        new PackedGroup.Sequence(
            Tokens.of(START, 'p', END, LINES, END, '\n'), Spans.of(new int[] {3}, new int[] {5})),
        only(packed));
  }

  @Test
  void whatFollowsACutResponseIsTokenisedByItself() {
    TokenBudget budget = WIDE.withResponse(2);
    PackedGroup packed = pack(Layout.JOINT, Frames.yojo("p"), budget, "abc.", "d");
    assertEquals(
        Tokens.of(START, 'p', END, '\n', 'a', 'b', LINES, SEPARATOR, LINES, 'd', END, '\n'),
        only(packed).ids());
    assertEquals(List.of(2, 1), packed.responseTokens());
    assertEquals(List.of(2, 0), packed.responseCut());
  }

  @Test
  void poolsYojoBeforeTheSeparatorAndAtTheLastToken() {
    PackedGroup.Sequence sequence =
        only(pack(Layout.JOINT, Frames.yojo("p"), WIDE, "a", "b.", "c\n"));
    Spans rule =
        IndexRule.beforeSeparator(SEPARATOR)
            .spans(TokenSequence.unpadded(sequence.ids().toArray(), 4));
    for (int i = 0; i < 3; i++) {
      assertEquals(rule.last(i), sequence.spans().last(i), "response " + i);
    }
  }

  @Test
  void cutsThePromptsEndAcrossItsTexts() {
    SequenceFrame frame =
        Frames.inFront(
            new Piece.Prompt("abc", true),
            new Piece.Special(END),
            new Piece.Fixed("x"),
            new Piece.Prompt("def", true),
            new Piece.Special(END),
            new Piece.Prompt("ghi", true),
            new Piece.Special(END));
    PackedGroup packed = pack(Layout.JOINT, frame, WIDE.withPrompt(4), "r");
    assertEquals(Tokens.of('a', 'b', 'c', END, 'x', 'd', END, END, 'r'), only(packed).ids());
    assertEquals(4, packed.promptTokens());
    assertEquals(5, packed.promptCut());
  }

  @Test
  void aPromptsTextOfWhichNothingIsKeptTakesNoFixedTextWithIt() {
    // Full stop and line ends are one token, and it is the second message's.
    SequenceFrame frame =
        Frames.inFront(
            new Piece.Prompt("abc", true),
            new Piece.Special(END),
            new Piece.Fixed("x."),
            new Piece.Prompt("\n\nde", true),
            new Piece.Fixed("y"),
            new Piece.Special(END));
    PackedGroup none = pack(Layout.INDEPENDENT, frame, WIDE.withPrompt(3), "r");
    assertEquals(Tokens.of('a', 'b', 'c', END, 'x', '.', 'y', END, 'r'), only(none).ids());
    assertEquals(3, none.promptTokens());
    assertEquals(3, none.promptCut());
    PackedGroup one = pack(Layout.INDEPENDENT, frame, WIDE.withPrompt(4), "r");
    assertEquals(Tokens.of('a', 'b', 'c', END, 'x', STOP_LINES, 'y', END, 'r'), only(one).ids());
  }

  @Test
  void aResponseThatThePromptWouldTakeInFrontOfAFillerIsPackedAlone() {
    SequenceFrame frame =
        new SequenceFrame(
            List.of(new Piece.Prompt("p.", true)),
            List.of(new Piece.Fixed("\n")),
            SEPARATOR,
            List.of(),
            List.of(),
            true,
            Trim.NOTHING);
    PackedGroup packed = pack(Layout.JOINT, frame, WIDE, "\n", "a", "b");
    assertEquals(
        List.of(
            new PackedGroup.Sequence(
                Tokens.of('p', '.', '\n'), Spans.of(new int[] {2}, new int[] {2})),
            new PackedGroup.Sequence(
                Tokens.of('p', '.', 'a', '\n', SEPARATOR, 'b'),
                Spans.of(new int[] {2, 5}, new int[] {3, 5}))),
        packed.sequences());
  }

  @Test
  void refusesWhatCannotBePacked() {
    TokenBudget budget = new TokenBudget(10, 9, 10);
    assertThrows(
        InvalidArgumentException.class, () -> pack(Layout.JOINT, Frames.encoder("p"), budget));
    InvalidArgumentException empty =
        assertThrows(
            InvalidArgumentException.class,
            () -> pack(Layout.JOINT, Frames.encoder("p"), budget, "a", ""));
    assertTrue(String.valueOf(empty.getMessage()).contains("response 1"));
    InvalidArgumentException room =
        assertThrows(
            InvalidArgumentException.class,
            () -> pack(Layout.JOINT, Frames.encoder("123456789"), budget, "a"));
    assertTrue(String.valueOf(room.getMessage()).contains("no room"));
    SequenceFrame rewritten =
        new SequenceFrame(
            List.of(new Piece.Prompt("123456789", false)),
            List.of(),
            SEPARATOR,
            List.of(),
            List.of(),
            false,
            Trim.NOTHING);
    InvalidArgumentException fixed =
        assertThrows(
            InvalidArgumentException.class,
            () -> pack(Layout.JOINT, rewritten, WIDE.withPrompt(8), "a"));
    assertTrue(String.valueOf(fixed.getMessage()).contains("cannot be cut"));
    GroupPacker steps = new GroupPacker(tokenizer, Framing.of(rewritten), WIDE.withPrompt(8));
    InvalidArgumentException ofSteps =
        assertThrows(
            InvalidArgumentException.class, () -> steps.packSteps(List.of(List.of("a", "b"))));
    assertTrue(String.valueOf(ofSteps.getMessage()).contains("cannot be cut"));
  }

  @Test
  void splitsAGroupOnlyWhereTheNextResponseDoesNotFit() {
    TokenBudget budget = new TokenBudget(16, 4, 16);
    PackedGroup packed =
        pack(Layout.JOINT, Frames.encoder("pq"), budget, "12345", "12345", "123456", "1");
    // 5 fixed and prompt tokens, then 5 + separator + 5 fill the sequence exactly.
    assertEquals(
        List.of(16, 13),
        packed.sequences().stream().map(sequence -> sequence.ids().size()).toList());
  }

  @Test
  void packsFiveHundredResponses() {
    List<String> responses = new ArrayList<>();
    IntStream.range(0, 500).forEach(i -> responses.add("response number " + i));
    GroupPacker packer =
        new GroupPacker(tokenizer, Framing.of(Frames.yojo("p")), new TokenBudget(4096, 64, 64));
    PackedGroup packed = packer.pack(Layout.JOINT, responses);
    assertEquals(500, packed.responseTokens().size());
    assertEquals(
        500, packed.sequences().stream().mapToInt(sequence -> sequence.spans().size()).sum());
    assertTrue(packed.sequences().size() <= 4, packed.sequences().size() + " sequences");
  }
}
