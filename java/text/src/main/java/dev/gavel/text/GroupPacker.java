package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Spans;
import dev.gavel.message.Counted;
import dev.gavel.text.SequenceTokens.Count;
import dev.gavel.text.SequenceTokens.Sequence;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Packs a group into sequences that fit the context.
 *
 * <p>Each response is first cut, at its end, to what its budget and the context leave beside the
 * prompt. In layout JOINT responses then fill sequences in order; the next sequence, with the
 * prompt again, begins where the next response does not fit whole. In layout INDEPENDENT every
 * response has a sequence. Nothing is dropped.
 */
final class GroupPacker {

  private final SequenceTokens tokens;
  private final Framing framing;
  private final SequenceFrame frame;
  private final TokenBudget budget;

  GroupPacker(Tokenizer tokenizer, Framing framing, TokenBudget budget) {
    this.tokens = new SequenceTokens(tokenizer);
    this.framing = framing;
    this.frame = framing.frame();
    this.budget = budget;
  }

  /**
   * Packs the responses.
   *
   * @throws InvalidArgumentException if there is no response, one has no tokens, or the context
   *     leaves no room for one
   */
  PackedGroup pack(Layout layout, List<String> responses) {
    if (responses.isEmpty()) {
      throw new InvalidArgumentException("the group has no response; it must have at least one");
    }
    List<Sequence> alone = new ArrayList<>();
    for (int i = 0; i < responses.size(); i++) {
      alone.add(alone(i, responses.get(i)));
    }
    List<Sequence> sequences = layout == Layout.INDEPENDENT ? alone : joint(responses, alone);
    int from = 0;
    for (Sequence sequence : sequences) {
      int to = from + sequence.responses().size();
      framing.check(responses.subList(from, to));
      from = to;
    }
    List<Count> counts =
        sequences.stream().flatMap(sequence -> sequence.responses().stream()).toList();
    Count prompt = sequences.getFirst().prompt();
    return new PackedGroup(
        layout,
        sequences.stream().map(s -> new PackedGroup.Sequence(s.ids(), s.spans())).toList(),
        prompt.kept(),
        prompt.cut(),
        counts.stream().map(Count::kept).toList(),
        counts.stream().map(Count::cut).toList(),
        List.of());
  }

  /**
   * Packs responses of which every step is scored: a sequence per response, in which the separator
   * ends each step and is the row that is read, as in Qwen2.5-Math-PRM. A step is never cut, since
   * every one must have its score.
   *
   * @throws InvalidArgumentException if there is no response, one has no step, a step has no
   *     tokens, a response does not fit the budget and the context whole, or a prompt that cannot
   *     be cut does not fit its budget
   */
  PackedGroup packSteps(List<List<String>> responses) {
    if (responses.isEmpty()) {
      throw new InvalidArgumentException("the group has no response; it must have at least one");
    }
    List<PackedGroup.Sequence> sequences = new ArrayList<>();
    List<Integer> kept = new ArrayList<>();
    Count prompt = Count.NONE;
    for (int i = 0; i < responses.size(); i++) {
      Sequence sequence = steps(i, responses.get(i));
      sequences.add(
          new PackedGroup.Sequence(
              sequence.ids(), atSeparators(sequence.spans(), responses.get(i).size())));
      kept.add(sequence.responses().stream().mapToInt(Count::kept).sum());
      prompt = sequence.prompt();
    }
    return new PackedGroup(
        Layout.INDEPENDENT,
        sequences,
        prompt.kept(),
        prompt.cut(),
        kept,
        Collections.nCopies(responses.size(), 0),
        responses.stream().map(List::size).toList());
  }

  private Sequence steps(int index, List<String> steps) {
    if (steps.isEmpty()) {
      throw new InvalidArgumentException(
          "response %d has no step; it must have at least one".formatted(index));
    }
    // An empty text after the last step puts a separator there, too.
    List<String> ended = new ArrayList<>(steps);
    ended.add("");
    framing.check(ended);
    List<Integer> limits = Collections.nCopies(ended.size(), Integer.MAX_VALUE);
    Sequence sequence = tokens.tokenize(frame, ended, budget.prompt(), limits);
    for (int step = 0; step < steps.size(); step++) {
      if (!sequence.spans().isValid(step)) {
        throw new InvalidArgumentException(
            "response %d, step %d, '%s', has no tokens; it must have at least one"
                .formatted(index, step, Excerpt.of(steps.get(step))));
      }
    }
    requirePromptInBudget(sequence);
    int total = sequence.responses().stream().mapToInt(Count::kept).sum();
    if (total > budget.response() || sequence.ids().size() > budget.context()) {
      throw new InvalidArgumentException(
          "response %d has %s in %s, in a sequence of %d; at most %d of a response and %d of a sequence are allowed, and steps are not cut, since each must have its score: shorten the response or raise the budget"
              .formatted(
                  index,
                  Counted.of(total, "token"),
                  Counted.of(steps.size(), "step"),
                  sequence.ids().size(),
                  budget.response(),
                  budget.context()));
    }
    return sequence;
  }

  // The separator stands right after the last row of its step.
  private static Spans atSeparators(Spans spans, int steps) {
    int[] first = new int[steps];
    int[] last = new int[steps];
    for (int step = 0; step < steps; step++) {
      first[step] = spans.first(step);
      last[step] = spans.last(step) + 1;
    }
    return Spans.of(first, last);
  }

  /** The sequence of one response, cut until it fits the context. */
  private Sequence alone(int index, String response) {
    int limit = budget.response();
    while (true) {
      Sequence sequence =
          tokens.tokenize(frame, List.of(response), budget.prompt(), List.of(limit));
      int kept = sequence.responses().getFirst().kept();
      if (kept == 0) {
        throw new InvalidArgumentException(
            "response %d, '%s', has no tokens; it must have at least one"
                .formatted(index, Excerpt.of(response)));
      }
      requirePromptInBudget(sequence);
      int excess = sequence.ids().size() - budget.context();
      if (excess <= 0) {
        return sequence;
      }
      if (kept <= excess) {
        throw noRoom(sequence, kept);
      }
      limit = kept - excess;
    }
  }

  // What can be cut was cut to the budget by then.
  private void requirePromptInBudget(Sequence sequence) {
    if (sequence.prompt().kept() > budget.prompt()) {
      throw new InvalidArgumentException(
          "the prompt has %s and its budget is %d, and it cannot be cut because the chat template rewrites its messages; raise the prompt's budget or shorten the messages"
              .formatted(Counted.of(sequence.prompt().kept(), "token"), budget.prompt()));
    }
  }

  private InvalidArgumentException noRoom(Sequence sequence, int kept) {
    int prompt = sequence.prompt().kept();
    return new InvalidArgumentException(
        "the context of %s leaves no room for a response beside %s of the prompt and %s; %s"
            .formatted(
                Counted.of(budget.context(), "token"),
                Counted.of(prompt, "token"),
                Counted.of(sequence.ids().size() - prompt - kept, "fixed token"),
                "lower the prompt's budget or shorten the prompt"));
  }

  // The prompt's last token can reach over all of a short response where a filler follows it, and
  // not where the sequence ends behind it.
  private static boolean everyResponseHasTokens(Sequence sequence) {
    return sequence.responses().stream().allMatch(count -> count.kept() > 0);
  }

  private List<Sequence> joint(List<String> responses, List<Sequence> alone) {
    // A response that was cut keeps its length; one that was not may be a little longer here, where
    // a chat template does not strip its ends.
    List<Integer> limits =
        alone.stream()
            .map(sequence -> sequence.responses().getFirst())
            .map(count -> count.cut() > 0 ? count.kept() : budget.response())
            .toList();
    List<Sequence> sequences = new ArrayList<>();
    int from = 0;
    while (from < responses.size()) {
      Sequence filled = alone.get(from);
      int to = from + 1;
      while (to < responses.size()) {
        Sequence longer =
            tokens.tokenize(
                frame,
                responses.subList(from, to + 1),
                budget.prompt(),
                limits.subList(from, to + 1));
        if (longer.ids().size() > budget.context() || !everyResponseHasTokens(longer)) {
          break;
        }
        filled = longer;
        to++;
      }
      sequences.add(filled);
      from = to;
    }
    return sequences;
  }
}
