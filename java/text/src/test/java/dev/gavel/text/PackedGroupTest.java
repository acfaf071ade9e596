package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.IndexRule;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class PackedGroupTest {
  private static final long SEPARATOR = 102;
  private static final SequenceTemplate ENCODER = SequenceTemplate.encoder(101, SEPARATOR);

  /** The layout of "You Only Judge Once": line ends around a separator between responses only. */
  private static final SequenceTemplate YOJO =
      new SequenceTemplate(
          Tokens.of(1),
          Tokens.of(2, 3),
          Tokens.of(4, 4),
          SEPARATOR,
          Tokens.of(4, 4),
          Tokens.of(5, 6),
          true);

  @Test
  void laysOutAnEncoderSequence() {
    PackedGroup packed =
        PackedGroup.pack(
            Layout.JOINT,
            ENCODER,
            new TokenBudget(512, 256, 512),
            Tokens.of(7, 8),
            List.of(Tokens.of(20, 21), Tokens.of(30)));
    assertEquals(
        List.of(
            new PackedGroup.Sequence(
                Tokens.of(101, 7, 8, 102, 20, 21, 102, 30, 102),
                Spans.of(new int[] {4, 7}, new int[] {5, 7}))),
        packed.sequences());
  }

  @Test
  void poolsYojoBeforeTheSeparatorAndAtTheLastToken() {
    PackedGroup packed =
        PackedGroup.pack(
            Layout.JOINT,
            YOJO,
            new TokenBudget(512, 256, 512),
            Tokens.of(7),
            List.of(Tokens.of(20), Tokens.of(30), Tokens.of(40)));
    PackedGroup.Sequence sequence = packed.sequences().get(0);
    Spans rule =
        IndexRule.beforeSeparator(SEPARATOR)
            .spans(TokenSequence.unpadded(sequence.ids().toArray(), 4));
    for (int i = 0; i < 3; i++) {
      assertEquals(rule.last(i), sequence.spans().last(i), "response " + i);
    }
  }

  @Test
  void refusesWhatCannotBePacked() {
    TokenBudget budget = new TokenBudget(10, 9, 10);
    assertThrows(
        InvalidArgumentException.class,
        () -> PackedGroup.pack(Layout.JOINT, ENCODER, budget, Tokens.of(1), List.of()));
    InvalidArgumentException empty =
        assertThrows(
            InvalidArgumentException.class,
            () ->
                PackedGroup.pack(
                    Layout.JOINT,
                    ENCODER,
                    budget,
                    Tokens.of(1),
                    List.of(Tokens.of(1), Tokens.none())));
    assertTrue(String.valueOf(empty.getMessage()).contains("response 1"));
    InvalidArgumentException room =
        assertThrows(
            InvalidArgumentException.class,
            () ->
                PackedGroup.pack(
                    Layout.JOINT, ENCODER, budget, Tokens.of(new long[9]), List.of(Tokens.of(1))));
    assertTrue(String.valueOf(room.getMessage()).contains("no room"));
  }

  @Property(tries = 2000)
  void losesAndDoublesNothing(
      @ForAll @IntRange(max = 60) int promptTokens,
      @ForAll @Size(min = 1, max = 40) List<@IntRange(min = 1, max = 80) Integer> lengths,
      @ForAll @IntRange(min = 30, max = 120) int context,
      @ForAll @IntRange(min = 1, max = 20) int promptBudget,
      @ForAll @IntRange(min = 1, max = 90) int responseBudget,
      @ForAll Layout layout,
      @ForAll boolean yojo) {
    SequenceTemplate template = yojo ? YOJO : ENCODER;
    TokenBudget budget = new TokenBudget(context, promptBudget, responseBudget);
    List<Tokens> responses = new ArrayList<>();
    for (int i = 0; i < lengths.size(); i++) {
      long[] ids = new long[lengths.get(i)];
      for (int t = 0; t < ids.length; t++) {
        ids[t] = 1000L + 100L * i + t;
      }
      responses.add(Tokens.of(ids));
    }
    PackedGroup packed =
        PackedGroup.pack(layout, template, budget, Tokens.of(new long[promptTokens]), responses);

    assertEquals(Math.min(promptTokens, promptBudget), packed.promptTokens());
    assertEquals(promptTokens, packed.promptTokens() + packed.promptCut());
    int response = 0;
    for (PackedGroup.Sequence sequence : packed.sequences()) {
      assertTrue(sequence.ids().size() <= context);
      assertTrue(layout == Layout.JOINT || sequence.spans().size() == 1);
      int previous = template.prefix().size() + packed.promptTokens();
      for (int i = 0; i < sequence.spans().size(); i++, response++) {
        assertTrue(sequence.spans().first(i) > previous, "spans overlap or fall");
        previous = sequence.spans().last(i);
        int kept = packed.responseTokens().get(response);
        assertEquals(lengths.get(response), kept + packed.responseCut().get(response));
        assertEquals(
            Math.min(
                lengths.get(response),
                Math.min(
                    responseBudget, context - template.fixedTokens(1) - packed.promptTokens())),
            kept);
        for (int t = 0; t < kept; t++) {
          assertEquals(
              responses.get(response).id(t), sequence.ids().id(sequence.spans().first(i) + t));
        }
      }
    }
    assertEquals(responses.size(), response);
    if (layout == Layout.INDEPENDENT) {
      assertEquals(Collections.nCopies(responses.size(), 1).size(), packed.sequences().size());
    }
  }

  @Test
  void splitsAGroupOnlyWhereTheNextResponseDoesNotFit() {
    PackedGroup packed =
        PackedGroup.pack(
            Layout.JOINT,
            ENCODER,
            new TokenBudget(16, 4, 16),
            Tokens.of(7, 8),
            List.of(
                Tokens.of(new long[5]),
                Tokens.of(new long[5]),
                Tokens.of(new long[6]),
                Tokens.of(new long[1])));
    // 5 fixed and prompt tokens, then 5 + separator + 5 fill the sequence exactly.
    assertEquals(
        List.of(16, 13),
        packed.sequences().stream().map(sequence -> sequence.ids().size()).toList());
  }
}
