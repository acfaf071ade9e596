package dev.gavel.cli.training;

import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.cli.rows.Row;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.Predicate;

/** Vectors of all rows, by layout and pooling, in the order of the rows. */
public final class TrainingVectors {
  private record Key(Layout layout, Pooling pooling) {}

  private final Map<Key, List<VectorGroup>> groups = new HashMap<>();
  private final List<Layout> layouts;

  private TrainingVectors(List<Layout> layouts) {
    this.layouts = List.copyOf(layouts);
  }

  /**
   * Reads the vectors of rows.
   *
   * @param progress is told how many groups are done
   */
  public static TrainingVectors read(
      VectorReader reader, List<Layout> layouts, List<Row> rows, LongConsumer progress) {
    TrainingVectors all = new TrainingVectors(layouts);
    long done = 0;
    for (Layout layout : layouts) {
      for (Row row : rows) {
        reader
            .read(layout, row)
            .forEach(
                (pooling, group) ->
                    all.groups
                        .computeIfAbsent(new Key(layout, pooling), unused -> new ArrayList<>())
                        .add(group));
        done++;
        progress.accept(done);
      }
    }
    return all;
  }

  /** The layouts, in order. */
  public List<Layout> layouts() {
    return layouts;
  }

  /** Groups of one layout whose row is wanted. */
  public List<VectorGroup> of(Layout layout, Pooling pooling, Predicate<Row> wanted) {
    return groups.getOrDefault(new Key(layout, pooling), List.of()).stream()
        .filter(group -> wanted.test(group.row()))
        .toList();
  }

  /** Groups of these layouts whose row is wanted. */
  public List<VectorGroup> of(List<Layout> some, Pooling pooling, Predicate<Row> wanted) {
    return some.stream().flatMap(layout -> of(layout, pooling, wanted).stream()).toList();
  }
}
