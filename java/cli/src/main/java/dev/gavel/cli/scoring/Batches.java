package dev.gavel.cli.scoring;

import dev.gavel.text.PackedGroup;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Forms batches of a window's sequences: sorted by length, so that sequences of the same length,
 * which the backbone runs at once, stand together. What is in which batch depends on the window and
 * the budget only.
 */
final class Batches {
  private Batches() {}

  /**
   * A sequence of a row.
   *
   * @param row index of the row in its window
   * @param firstScore the place of its first score among those of the row
   * @param sequence its tokens
   */
  record Member(int row, int firstScore, PackedGroup.Sequence sequence) {
    int tokens() {
      return sequence.ids().size();
    }
  }

  /** Sequences of the rows, in order. */
  static List<Member> members(List<PreparedRow> rows) {
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      if (rows.get(i) instanceof PreparedRow.Ready ready) {
        int score = 0;
        for (PackedGroup.Sequence sequence : ready.group().packed().sequences()) {
          members.add(new Member(i, score, sequence));
          score += sequence.spans().size();
        }
      }
    }
    return members;
  }

  /**
   * Divides sequences.
   *
   * @param mostTokens of a batch; a longer sequence is one alone
   */
  static List<List<Member>> of(List<Member> members, int mostTokens) {
    List<Member> sorted = new ArrayList<>(members);
    sorted.sort(Comparator.comparingInt(Member::tokens));
    List<List<Member>> batches = new ArrayList<>();
    List<Member> batch = new ArrayList<>();
    long tokens = 0;
    int from = 0;
    while (from < sorted.size()) {
      // As many of one length as fit in a batch stay together.
      int length = sorted.get(from).tokens();
      int most = Math.max(1, mostTokens / length);
      int to = from + 1;
      while (to < sorted.size() && to - from < most && sorted.get(to).tokens() == length) {
        to++;
      }
      long added = (long) (to - from) * length;
      if (!batch.isEmpty() && tokens + added > mostTokens) {
        batches.add(List.copyOf(batch));
        batch.clear();
        tokens = 0;
      }
      batch.addAll(sorted.subList(from, to));
      tokens += added;
      from = to;
    }
    if (!batch.isEmpty()) {
      batches.add(List.copyOf(batch));
    }
    return batches;
  }
}
