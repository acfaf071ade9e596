package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Spans;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

class GroupPackerPropertyTest {
  private static Tokenizer tokenizer;

  @BeforeContainer
  static void load() {
    tokenizer = ByteTokenizer.load();
  }

  @AfterContainer
  static void close() {
    tokenizer.close();
  }

  @Property(tries = 1500)
  void losesAndDoublesNothing(
      @ForAll @AlphaChars @StringLength(max = 60) String prompt,
      @ForAll @Size(min = 1, max = 40)
          List<@AlphaChars @StringLength(min = 1, max = 80) String> responses,
      @ForAll @IntRange(min = 30, max = 120) int context,
      @ForAll @IntRange(min = 1, max = 20) int promptBudget,
      @ForAll @IntRange(min = 1, max = 90) int responseBudget,
      @ForAll Layout layout,
      @ForAll boolean decoder) {
    SequenceFrame frame = decoder ? Frames.yojo(prompt) : Frames.encoder(prompt);
    TokenBudget budget = new TokenBudget(context, promptBudget, responseBudget);
    PackedGroup packed =
        new GroupPacker(tokenizer, Framing.of(frame), budget).pack(layout, responses);

    int fixed = decoder ? 5 : 3;
    int keptPrompt = Math.min(prompt.length(), promptBudget);
    assertEquals(keptPrompt, packed.promptTokens());
    assertEquals(prompt.length(), packed.promptTokens() + packed.promptCut());
    int most = Math.min(responseBudget, context - fixed - keptPrompt);
    int response = 0;
    for (PackedGroup.Sequence sequence : packed.sequences()) {
      assertTrue(sequence.ids().size() <= context);
      assertTrue(layout == Layout.JOINT || sequence.spans().size() == 1);
      int previous = keptPrompt;
      int fillers = 0;
      int inSpans = 0;
      for (int i = 0; i < sequence.spans().size(); i++, response++) {
        int first = sequence.spans().first(i);
        assertTrue(first > previous, "spans overlap or fall");
        previous = sequence.spans().last(i);
        String text = responses.get(response);
        int kept = packed.responseTokens().get(response);
        assertEquals(text.length(), kept + packed.responseCut().get(response));
        assertEquals(Math.min(text.length(), most), kept);
        for (int t = 0; t < kept; t++) {
          assertEquals(text.charAt(t), sequence.ids().id(first + t));
        }
        boolean last = i == sequence.spans().size() - 1;
        int tail = previous - first + 1 - kept;
        assertEquals(decoder ? (last ? 2 : 1) : 0, tail);
        fillers += decoder && !last ? 3 : last ? 0 : 1;
        inSpans += kept;
      }
      // Every token is the prompt's, a response's, a filler or separator, or one of the fixed ones.
      assertEquals(keptPrompt + fixed + fillers + inSpans, sequence.ids().size());
    }
    assertEquals(responses.size(), response);
    assertEquals(
        packed.totalTokens(), packed.sequences().stream().mapToInt(s -> s.ids().size()).sum());
    if (layout == Layout.INDEPENDENT) {
      assertEquals(responses.size(), packed.sequences().size());
    } else {
      assertGreedy(packed, context, decoder ? 3 : 1);
    }
  }

  /** No sequence has room for the first response of the next one. */
  private static void assertGreedy(PackedGroup packed, int context, int separator) {
    int response = 0;
    for (int i = 0; i + 1 < packed.sequences().size(); i++) {
      response += packed.sequences().get(i).spans().size();
      int next = packed.responseTokens().get(response);
      assertTrue(packed.sequences().get(i).ids().size() + separator + next > context);
    }
  }

  /** Texts whose ends join with their neighbours. */
  @Provide
  Arbitrary<String> joining() {
    return Arbitraries.of("", ".", "\n", "\n\n", ".\n", "a", "bc.")
        .list()
        .ofMaxSize(3)
        .map(parts -> String.join("", parts));
  }

  @Property(tries = 1500)
  void whateverJoinsFixedTextIsWholeAndEveryResponseHasRows(
      @ForAll @Size(min = 1, max = 4) List<@From("joining") String> fixed,
      @ForAll @Size(min = 1, max = 3) List<@From("joining") String> prompts,
      @ForAll @Size(min = 1, max = 5) List<@From("joining") String> responses,
      @ForAll @IntRange(min = 1, max = 6) int promptBudget,
      @ForAll @IntRange(min = 1, max = 6) int responseBudget,
      @ForAll Layout layout) {
    List<Piece> before = new ArrayList<>(List.of(new Piece.Special(ByteTokenizer.START)));
    for (String prompt : prompts) {
      before.add(new Piece.Prompt(prompt, true));
      before.add(new Piece.Fixed(fixed.getFirst()));
    }
    SequenceFrame frame =
        new SequenceFrame(
            before,
            List.of(new Piece.Fixed(fixed.get(fixed.size() / 2))),
            ByteTokenizer.SEPARATOR,
            List.of(new Piece.Fixed(fixed.get(fixed.size() / 3))),
            List.of(new Piece.Fixed(fixed.getLast())),
            true,
            Trim.NOTHING);
    TokenBudget budget = new TokenBudget(80, promptBudget, responseBudget);
    PackedGroup packed;
    try {
      packed = new GroupPacker(tokenizer, Framing.of(frame), budget).pack(layout, responses);
    } catch (InvalidArgumentException e) {
      return; // The prompt's last token has all of a response, or a response is empty.
    }
    int from = 0;
    for (PackedGroup.Sequence sequence : packed.sequences()) {
      Spans spans = sequence.spans();
      int previous = -1;
      for (int i = 0; i < spans.size(); i++) {
        assertTrue(spans.isValid(i) && spans.first(i) > previous, spans.toString());
        previous = spans.last(i);
      }
      List<String> own = responses.subList(from, from + spans.size());
      String text = text(sequence.ids());
      assertTrue(pattern(frame.pieces(own)).matcher(text).matches(), text);
      from += spans.size();
    }
    assertEquals(responses.size(), from);
  }

  private static String text(Tokens ids) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ids.size(); i++) {
      long id = ids.id(i);
      if (id == ByteTokenizer.LINES) {
        text.append("\n\n");
      } else if (id == ByteTokenizer.STOP_LINES) {
        text.append(".\n\n");
      } else {
        text.append((char) id);
      }
    }
    return text.toString();
  }

  /** Fixed text as it is, and any beginning of the texts of a row. */
  private static Pattern pattern(List<Piece> pieces) {
    StringBuilder pattern = new StringBuilder();
    for (Piece piece : pieces) {
      switch (piece) {
        case Piece.Special(long id) -> pattern.append((char) id);
        case Piece.Separator(long id) -> pattern.append((char) id);
        case Piece.Break() -> {}
        case Piece.Fixed(String text) -> pattern.append(Pattern.quote(text));
        case Piece.Prompt(String text, boolean _) -> pattern.append(beginnings(text));
        case Piece.Response(String text) -> pattern.append(beginnings(text));
      }
    }
    return Pattern.compile(pattern.toString());
  }

  private static String beginnings(String text) {
    String pattern = "";
    for (int i = text.length() - 1; i >= 0; i--) {
      pattern = "(?:%s%s)?".formatted(Pattern.quote(text.substring(i, i + 1)), pattern);
    }
    return pattern;
  }
}
