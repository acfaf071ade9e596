package dev.gavel.cli.training;

import dev.gavel.cli.rows.Row;
import java.util.List;

/** Pooled vectors of the responses of one row, in the row's own order. Immutable by agreement. */
public final class VectorGroup {
  private final Row row;
  private final float[] vectors;

  VectorGroup(Row row, float[] vectors) {
    this.row = row;
    this.vectors = vectors;
  }

  /** The row. */
  public Row row() {
    return row;
  }

  /** What people think of the responses. */
  public List<Double> labels() {
    return row.labels().orElseThrow();
  }

  int responses() {
    return row.responses().size();
  }

  float[] vectors() {
    return vectors;
  }
}
