package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Layout;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
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
}
