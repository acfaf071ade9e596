package dev.gavel.text.row;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Spans;
import dev.gavel.text.PackedGroup;
import dev.gavel.text.Tokens;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class BatchesTest {
  private static Batches.Member member(int row, int tokens) {
    return new Batches.Member(
        row, 0, new PackedGroup.Sequence(Tokens.of(new long[tokens]), Spans.ofRows(tokens - 1)));
  }

  @Property
  void everySequenceIsInOneBatchAndNoBatchIsOverTheBudget(
      @ForAll @Size(max = 60) List<@IntRange(min = 1, max = 30) Integer> lengths,
      @ForAll @IntRange(min = 1, max = 64) int mostTokens) {
    List<Batches.Member> members =
        IntStream.range(0, lengths.size()).mapToObj(i -> member(i, lengths.get(i))).toList();
    List<List<Batches.Member>> batches = Batches.of(members, mostTokens);
    List<Batches.Member> all = batches.stream().flatMap(List::stream).toList();
    assertEquals(members.size(), all.size());
    assertEquals(new HashSet<>(members), new HashSet<>(all));
    int longest = 0;
    for (List<Batches.Member> batch : batches) {
      int tokens = batch.stream().mapToInt(Batches.Member::tokens).sum();
      assertTrue(batch.size() == 1 || tokens <= mostTokens, batch.size() + ": " + tokens);
      for (Batches.Member member : batch) {
        assertTrue(member.tokens() >= longest, "sorted by length");
        longest = member.tokens();
      }
    }
  }
}
