package dev.gavel.cli.scoring;

import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.GroupScore;
import dev.gavel.text.RewardModel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Collects rows and scores them together, in order; what cannot be scored becomes an error of that
 * row. One thread.
 */
public final class RowScorer {
  // Bounds the memory that rows without a score take while they wait for the others.
  private static final int MOST_ROWS = 256;

  private final RewardModel model;
  private final List<PreparedRow> waiting = new ArrayList<>();
  private long tokens;

  private final RowPreparer preparer;

  public RowScorer(RewardModel model) {
    this.model = model;
    this.preparer = new RowPreparer(model);
  }

  /** Adds a row with its responses in another order. */
  public void add(Row row, List<Integer> order) {
    PreparedRow prepared = preparer.prepare(row, order);
    if (prepared instanceof PreparedRow.Ready ready) {
      tokens += ready.group().packed().totalTokens();
    }
    waiting.add(prepared);
  }

  /** Whether enough rows wait to fill the backbone. */
  public boolean isFull() {
    return tokens >= model.options().batchTokens() || waiting.size() >= MOST_ROWS;
  }

  /** Scores the rows that wait, in the order they came. */
  public List<ScoredRow> score() {
    Iterator<GroupScore> scores =
        model
            .score(
                waiting.stream()
                    .filter(PreparedRow.Ready.class::isInstance)
                    .map(row -> ((PreparedRow.Ready) row).group())
                    .toList())
            .iterator();
    List<ScoredRow> scored = new ArrayList<>();
    for (PreparedRow row : waiting) {
      switch (row) {
        case PreparedRow.Ready ready ->
            scored.add(new ScoredRow.Scored(ready.row(), scores.next()));
        case PreparedRow.Hopeless(ScoredRow.Failed failed, _) -> scored.add(failed);
      }
    }
    waiting.clear();
    tokens = 0;
    return scored;
  }
}
