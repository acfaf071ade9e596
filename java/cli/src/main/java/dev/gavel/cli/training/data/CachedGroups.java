package dev.gavel.cli.training.data;

import dev.gavel.cli.cache.CacheShard;
import dev.gavel.cli.cache.CachedRow;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.text.row.RowError;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Groups whose vectors lie in the mapped files of a cache. One thread. */
public final class CachedGroups implements AutoCloseable {
  private final List<CacheShard> shards = new ArrayList<>();
  private final List<VectorGroup> groups = new ArrayList<>();
  private int withoutPreference;

  /** Opens a file of a cache, which stays open until this is closed. */
  CacheShard open(HiddenCache cache, int number) {
    CacheShard shard = cache.shard(number);
    shards.add(shard);
    return shard;
  }

  /**
   * Adds a row.
   *
   * @param first number of its first vector in the file
   * @return why it could not be used; empty where it could, or prefers no response
   */
  Optional<RowError> add(CacheShard shard, CachedRow row, int first) {
    Optional<RowError> why = withoutLabels(row);
    if (row instanceof CachedRow.Whole whole && why.isEmpty()) {
      GroupFacts facts = facts(whole);
      if (facts.hasPreference()) {
        MemorySegment all = shard.vectorBytes();
        long bytes = all.byteSize() / shard.responses();
        groups.add(
            new VectorGroup(
                row.line(), facts, all.asSlice(first * bytes, row.responses() * bytes)));
      } else {
        withoutPreference++;
      }
    }
    return why;
  }

  /** What is known of a row with labels besides its vectors. */
  public static GroupFacts facts(CachedRow.Whole row) {
    return new GroupFacts(row.prompt(), row.lengths(), row.subset(), row.labels().orElseThrow());
  }

  /** Why a row cannot be learned from or measured; empty where it can. */
  public static Optional<RowError> withoutLabels(CachedRow row) {
    return switch (row) {
      case CachedRow.Failed failed -> Optional.of(failed.error());
      case CachedRow.Whole whole ->
          whole.labels().isPresent()
              ? Optional.empty()
              : Optional.of(
                  whole
                      .withoutLabels()
                      .orElse(
                          new RowError(
                              "scores",
                              "no labels",
                              "the row does not say which response is better")));
    };
  }

  /** Groups that prefer one response to another, in order. */
  List<VectorGroup> all() {
    return groups;
  }

  /** Rows whose responses are all liked the same. */
  int withoutPreference() {
    return withoutPreference;
  }

  /** Closes the files; vectors of the groups cannot be read any more. */
  @Override
  public void close() {
    shards.forEach(CacheShard::close);
  }
}
