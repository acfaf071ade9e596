package dev.gavel.cli.training.data;

import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.training.data.VectorReader.Order;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import java.util.zip.CRC32C;

/**
 * Vectors of all rows, by layout and pooling, in the order of the rows; and, to learn from, vectors
 * of the joint layout with responses in the opposite order.
 */
public final class TrainingVectors {
  private record Key(Layout layout, Order order, Pooling pooling) {}

  private final Map<Key, List<VectorGroup>> groups = new HashMap<>();
  private final List<Layout> layouts;

  private TrainingVectors(List<Layout> layouts) {
    this.layouts = List.copyOf(layouts);
  }

  /**
   * Reads the vectors of rows.
   *
   * @param reversed whether the joint layout is read in the opposite order, too
   * @param progress is told how many groups are done
   */
  static TrainingVectors read(
      VectorReader reader,
      List<Layout> layouts,
      boolean reversed,
      List<Row> rows,
      LongConsumer progress) {
    TrainingVectors all = new TrainingVectors(layouts);
    long done = 0;
    for (Layout layout : layouts) {
      for (Order order : Order.values()) {
        if (order == Order.REVERSED && !(reversed && layout == Layout.JOINT)) {
          continue;
        }
        for (Row row : rows) {
          reader
              .read(layout, order, row)
              .forEach((pooling, group) ->
                  all.groups
                      .computeIfAbsent(new Key(layout, order, pooling), _ -> new ArrayList<>())
                      .add(group));
          done++;
          progress.accept(done);
        }
      }
    }
    return all;
  }

  /** Vectors that were made before, of one layout and one pooling. */
  static TrainingVectors of(Layout layout, Pooling pooling, List<VectorGroup> made) {
    TrainingVectors all = new TrainingVectors(List.of(layout));
    all.groups.put(new Key(layout, Order.DRAWN, pooling), List.copyOf(made));
    return all;
  }

  /** Groups that {@link #read} makes of so many rows. */
  static long groups(List<Layout> layouts, boolean reversed, int rows) {
    return (long) rows * (layouts.size() + (reversed && layouts.contains(Layout.JOINT) ? 1 : 0));
  }

  /** The layouts, in order. */
  public List<Layout> layouts() {
    return layouts;
  }

  /** Groups of one layout, to measure, that are wanted. */
  public List<VectorGroup> of(Layout layout, Pooling pooling, Predicate<GroupFacts> wanted) {
    return groups.getOrDefault(new Key(layout, Order.DRAWN, pooling), List.of()).stream()
        .filter(group -> wanted.test(group.facts()))
        .toList();
  }

  /** Groups to learn from, in these layouts and all orders, that are wanted. */
  public List<VectorGroup> toLearn(
      List<Layout> some, Pooling pooling, Predicate<GroupFacts> wanted) {
    List<VectorGroup> all = new ArrayList<>();
    for (Layout layout : some) {
      for (Order order : Order.values()) {
        groups.getOrDefault(new Key(layout, order, pooling), List.of()).stream()
            .filter(group -> wanted.test(group.facts()))
            .forEach(all::add);
      }
    }
    return all;
  }

  /** CRC-32C of all vectors, by layout, order and pooling. */
  public long checksum() {
    CRC32C crc = new CRC32C();
    groups.entrySet().stream()
        .sorted(Comparator.comparing(entry -> entry.getKey().toString()))
        .flatMap(entry -> entry.getValue().stream())
        .forEach(group -> group.update(crc));
    return crc.getValue();
  }
}
