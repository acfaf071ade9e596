package dev.gavel.spark;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a partition with their scores, in order. Holds one window: at most the settings' rows
 * and 1 MiB of text, or one longer row.
 */
final class PartitionScorer implements Iterator<Row> {
  // As gavel score has it.
  private static final long MOST_BYTES = 1 << 20;

  private final Iterator<Row> rows;
  private final ScorerSettings settings;
  private final WindowScorer scorer;
  private Iterator<Row> ready = List.<Row>of().iterator();

  /** Scores the rows of a task; the end of the task releases the model. */
  PartitionScorer(TaskModel scoring, Iterator<Row> rows) {
    TaskContext task = TaskContext.get();
    this.rows = rows;
    this.settings = scoring.settings();
    TextPermits.require(settings.longestRow());
    this.scorer = new WindowScorer(scoring.lease(task).model(), task);
  }

  @Override
  public boolean hasNext() {
    if (!ready.hasNext() && rows.hasNext()) {
      ready = window().iterator();
    }
    return ready.hasNext();
  }

  @Override
  public Row next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the partition has no more rows");
    }
    return ready.next();
  }

  private List<Row> window() {
    List<Row> read = new ArrayList<>();
    long bytes = 0;
    while (rows.hasNext() && scorer.rows() < settings.windowRows() && bytes < MOST_BYTES) {
      Row row = rows.next();
      read.add(row);
      bytes += scorer.add(() -> RowReader.read(row, settings.longestRow()));
    }
    List<@Nullable Object[]> columns = scorer.score();
    List<Row> scored = new ArrayList<>();
    for (int i = 0; i < read.size(); i++) {
      scored.add(joined(read.get(i), columns.get(i)));
    }
    return scored;
  }

  private static Row joined(Row row, @Nullable Object[] columns) {
    @Nullable Object[] values = new @Nullable Object[row.size() + columns.length];
    for (int i = 0; i < row.size(); i++) {
      values[i] = row.get(i);
    }
    System.arraycopy(columns, 0, values, row.size(), columns.length);
    return RowFactory.create(values);
  }
}
