package dev.gavel.spark;

import dev.gavel.InvalidArgumentException;
import dev.gavel.text.HiddenBatch;
import dev.gavel.text.RewardModel;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.row.BadRowException;
import dev.gavel.text.row.Batches;
import dev.gavel.text.row.RowError;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;

/**
 * Scores the rows of a window in the batches of {@code gavel score}: sorted by length, a budget of
 * tokens each. What cannot be scored becomes an error of its row. One thread.
 */
final class WindowScorer {
  private final RewardModel model;
  private final @Nullable TaskContext task;
  private final List<Optional<TextBackbone.Tokenized>> groups = new ArrayList<>();
  private final List<@Nullable Object[]> columns = new ArrayList<>();

  /** A scorer of a task's rows, or of one row outside of a task. */
  WindowScorer(RewardModel model, @Nullable TaskContext task) {
    this.model = model;
    this.task = task;
  }

  /** Reads the texts of a row. */
  @FunctionalInterface
  interface Reader {
    /** Reads them. */
    RowReader.Texts read() throws BadRowException;
  }

  /**
   * Adds a row.
   *
   * @return bytes of its text
   */
  long add(Reader reader) {
    try {
      RowReader.Texts texts = reader.read();
      long bytes = texts.bytes();
      groups.add(Optional.of(TextPermits.with(bytes, () -> texts.prepare(model))));
      columns.add(new Object[0]);
      return bytes;
    } catch (BadRowException e) {
      fail(e.error());
    } catch (InvalidArgumentException e) {
      fail(RowError.of(e));
    }
    return 0;
  }

  /** Rows since the last call of {@link #score}. */
  int rows() {
    return groups.size();
  }

  /** Values of {@link ScoreColumns} for each row, in order. */
  List<@Nullable Object[]> score() {
    List<float[]> scores = new ArrayList<>();
    for (Optional<TextBackbone.Tokenized> group : groups) {
      int count = group.map(tokenized -> tokenized.packed().scores()).orElse(0);
      scores.add(new float[model.width() * count]);
    }
    for (List<Batches.Member> batch :
        Batches.of(Batches.members(groups), model.options().batchTokens())) {
      TaskModel.stopIfKilled(task);
      score(batch, scores);
    }
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).isPresent()) {
        columns.set(
            i,
            ScoreColumns.scored(model, model.groupScore(groups.get(i).get(), list(scores.get(i)))));
      }
    }
    List<@Nullable Object[]> scored = List.copyOf(columns);
    groups.clear();
    columns.clear();
    return scored;
  }

  private void score(List<Batches.Member> batch, List<float[]> scores) {
    try (HiddenBatch states = model.hidden(batch.stream().map(Batches.Member::sequence).toList())) {
      List<Float> values = model.score(states);
      int at = 0;
      for (Batches.Member member : batch) {
        float[] row = scores.get(member.row());
        int first = model.width() * member.firstScore();
        for (int i = 0; i < model.width() * member.sequence().spans().size(); i++) {
          row[first + i] = values.get(at);
          at++;
        }
      }
    }
  }

  private void fail(RowError error) {
    groups.add(Optional.empty());
    columns.add(ScoreColumns.failed(error));
  }

  private static List<Float> list(float[] values) {
    Float[] boxed = new Float[values.length];
    Arrays.setAll(boxed, i -> values[i]);
    return List.of(boxed);
  }
}
