package dev.gavel.text.row;

import dev.gavel.text.PackedGroup;
import dev.gavel.text.TextBackbone;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Forms batches of a window's sequences: sorted by length, so that sequences of the same length,
 * which the backbone runs at once, stand together. What is in which batch depends on the window and
 * the budget only.
 */
public final class Batches {
  private Batches() {}

  /**
   * A sequence of a row.
   *
   * @param row index of the row in its window
   * @param firstScore the place of its first score among those of the row
   * @param sequence its tokens
   */
  public record Member(int row, int firstScore, PackedGroup.Sequence sequence) {
    int tokens() {
      return sequence.ids().size();
    }
  }

  /**
   * Sequences of the rows, in order.
   *
   * @param rows what a window's rows are as tokens; empty for one that cannot be scored
   */
  public static List<Member> members(List<Optional<TextBackbone.Tokenized>> rows) {
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      if (rows.get(i).isPresent()) {
        int score = 0;
        for (PackedGroup.Sequence sequence : rows.get(i).get().packed().sequences()) {
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
  public static List<List<Member>> of(List<Member> members, int mostTokens) {
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
