package dev.gavel.text;

import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Spans;
import java.util.ArrayList;
import java.util.List;

/**
 * One prompt and its responses as token sequences, and what was kept of each.
 *
 * @param layout how responses lie in sequences
 * @param sequences token sequences in order; their responses, in order, are the group's
 * @param promptTokens tokens of the prompt that were kept
 * @param promptCut tokens of the prompt that were cut
 * @param responseTokens tokens kept of each response
 * @param responseCut tokens cut of each response
 */
public record PackedGroup(
    Layout layout,
    List<Sequence> sequences,
    int promptTokens,
    int promptCut,
    List<Integer> responseTokens,
    List<Integer> responseCut) {
  /** Copies the lists. */
  public PackedGroup {
    sequences = List.copyOf(sequences);
    responseTokens = List.copyOf(responseTokens);
    responseCut = List.copyOf(responseCut);
  }

  /**
   * One sequence, for one forward pass.
   *
   * @param ids token ids, without padding
   * @param spans rows of its responses, in order
   */
  public record Sequence(Tokens ids, Spans spans) {}

  /**
   * Packs a group. In layout JOINT responses fill sequences in order; the next sequence, with the
   * prompt again, begins where the next response does not fit whole. In layout INDEPENDENT every
   * response has a sequence. Nothing is dropped.
   *
   * @param prompt token ids of the prompt
   * @param responses token ids of each response, at least one
   * @throws InvalidArgumentException if there is no response, one is empty, or the budget leaves no
   *     room for a response
   */
  public static PackedGroup pack(
      Layout layout,
      SequenceTemplate template,
      TokenBudget budget,
      Tokens prompt,
      List<Tokens> responses) {
    if (responses.isEmpty()) {
      throw new InvalidArgumentException("the group has no response; it must have at least one");
    }
    int promptTokens = Math.min(prompt.size(), budget.prompt());
    int room = budget.context() - template.fixedTokens(1) - promptTokens;
    if (room < 1) {
      throw new InvalidArgumentException(
          "the context of %d tokens leaves no room for a response beside %d tokens of the prompt and %d fixed tokens; lower the prompt's budget"
              .formatted(budget.context(), promptTokens, template.fixedTokens(1)));
    }
    int most = Math.min(room, budget.response());
    List<Tokens> kept = new ArrayList<>();
    List<Integer> cut = new ArrayList<>();
    for (int i = 0; i < responses.size(); i++) {
      Tokens response = responses.get(i);
      if (response.size() == 0) {
        throw new InvalidArgumentException(
            "response %d has no tokens; it must have at least one".formatted(i));
      }
      int tokens = Math.min(response.size(), most);
      kept.add(response.head(tokens));
      cut.add(response.size() - tokens);
    }
    Tokens head = prompt.head(promptTokens);
    List<Sequence> sequences = new ArrayList<>();
    int from = 0;
    while (from < kept.size()) {
      int to = from + 1;
      int used = kept.get(from).size();
      while (layout == Layout.JOINT
          && to < kept.size()
          && used + template.separatorTokens() + kept.get(to).size() <= room) {
        used += template.separatorTokens() + kept.get(to).size();
        to++;
      }
      sequences.add(sequence(template, head, kept.subList(from, to)));
      from = to;
    }
    return new PackedGroup(
        layout,
        sequences,
        promptTokens,
        prompt.size() - promptTokens,
        kept.stream().map(Tokens::size).toList(),
        cut);
  }

  /** Tokens of all sequences: what the backbone works on. */
  public int totalTokens() {
    return sequences.stream().mapToInt(sequence -> sequence.ids().size()).sum();
  }

  private static Sequence sequence(
      SequenceTemplate template, Tokens prompt, List<Tokens> responses) {
    List<Tokens> parts = new ArrayList<>();
    parts.add(template.prefix());
    parts.add(prompt);
    parts.add(template.afterPrompt());
    int at = template.prefix().size() + prompt.size() + template.afterPrompt().size();
    int[] first = new int[responses.size()];
    int[] last = new int[responses.size()];
    for (int i = 0; i < responses.size(); i++) {
      if (i > 0) {
        parts.add(template.beforeSeparator());
        parts.add(Tokens.of(template.separator()));
        parts.add(template.afterSeparator());
        last[i - 1] += template.beforeSeparator().size();
        at += template.separatorTokens();
      }
      parts.add(responses.get(i));
      first[i] = at;
      at += responses.get(i).size();
      last[i] = at - 1;
    }
    parts.add(template.suffix());
    if (template.suffixEndsResponse()) {
      last[responses.size() - 1] += template.suffix().size();
    }
    return new Sequence(Tokens.join(parts), Spans.of(first, last));
  }
}
