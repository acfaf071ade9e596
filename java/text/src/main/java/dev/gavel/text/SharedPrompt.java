package dev.gavel.text;

import dev.gavel.Spans;
import java.util.ArrayList;
import java.util.List;

/**
 * Joins sequences that begin alike, one per response, so that the backbone runs what they share
 * once. Their tokens and rows stay what they are alone: only backbones that take {@link Blocks}
 * give them the same hidden states, within rounding.
 */
final class SharedPrompt {
  private SharedPrompt() {}

  /**
   * Joins sequences of a group, in order.
   *
   * @param most most tokens of a joined sequence
   * @return the same group where nothing can be shared
   */
  static PackedGroup join(PackedGroup group, int most) {
    List<PackedGroup.Sequence> alone = group.sequences();
    int shared = shared(alone);
    if (shared == 0) {
      return group;
    }
    List<PackedGroup.Sequence> joined = new ArrayList<>();
    int from = 0;
    while (from < alone.size()) {
      long tokens = alone.get(from).ids().size();
      int to = from + 1;
      while (to < alone.size() && tokens + alone.get(to).ids().size() - shared <= most) {
        tokens += alone.get(to).ids().size() - shared;
        to++;
      }
      joined.add(to == from + 1 ? alone.get(from) : join(alone.subList(from, to), shared));
      from = to;
    }
    return group.withSequences(joined);
  }

  /**
   * Tokens with which all begin, before any row that is read: a head may read a response from its
   * first token on.
   */
  private static int shared(List<PackedGroup.Sequence> sequences) {
    Tokens first = sequences.getFirst().ids();
    int shared = first.size() - 1;
    for (PackedGroup.Sequence sequence : sequences) {
      Tokens ids = sequence.ids();
      shared = Math.min(shared, ids.size() - 1);
      Spans spans = sequence.spans();
      for (int i = 0; i < spans.size(); i++) {
        shared = spans.isValid(i) ? Math.min(shared, spans.first(i)) : shared;
      }
      int same = 0;
      while (same < shared && ids.id(same) == first.id(same)) {
        same++;
      }
      shared = same;
    }
    return sequences.size() == 1 ? 0 : shared;
  }

  private static PackedGroup.Sequence join(List<PackedGroup.Sequence> alone, int shared) {
    List<Tokens> ids = new ArrayList<>();
    ids.add(alone.getFirst().ids().slice(0, shared));
    List<Integer> lengths = new ArrayList<>();
    int responses = alone.stream().mapToInt(sequence -> sequence.spans().size()).sum();
    int[] first = new int[responses];
    int[] last = new int[responses];
    List<Integer> gateRows = new ArrayList<>();
    int response = 0;
    int moved = 0;
    for (PackedGroup.Sequence sequence : alone) {
      int size = sequence.ids().size();
      ids.add(sequence.ids().slice(shared, size));
      lengths.add(size - shared);
      Spans spans = sequence.spans();
      for (int i = 0; i < spans.size(); i++) {
        boolean valid = spans.isValid(i);
        first[response] = valid ? spans.first(i) + moved : Spans.NONE;
        last[response] = valid ? spans.last(i) + moved : Spans.NONE;
        response++;
      }
      // A gate may look at the prompt itself, which is there once for all.
      for (int row : sequence.gateRows()) {
        gateRows.add(row < shared ? row : row + moved);
      }
      moved += size - shared;
    }
    return new PackedGroup.Sequence(
        Tokens.join(ids), Spans.of(first, last), new Blocks(shared, lengths), gateRows);
  }
}
