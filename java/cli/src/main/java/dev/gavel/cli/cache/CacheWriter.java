package dev.gavel.cli.cache;

import dev.gavel.FileException;
import dev.gavel.cli.input.Position;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.run.Checkpoint;
import dev.gavel.cli.run.FolderRun;
import dev.gavel.cli.run.RunSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a cache: rows and vectors into files, a file whenever enough rows are together at the end
 * of a window, so that a run that was interrupted makes the same files. One thread.
 */
public final class CacheWriter implements AutoCloseable {
  /** Names of a cache's files. */
  public static final FolderRun.Names NAMES =
      new FolderRun.Names(CacheIndex.FILE, CacheIndex.JOURNAL, CacheIndex.Shard::name);

  // Of vectors. Native memory of a run is about twice that.
  private static final long MOST_BYTES = 64L << 20;

  private final FolderRun folder;
  private final String model;
  private final RunSettings settings;
  private final int width;
  private final boolean gated;
  private final int fileRows;
  private final ShardBuilder shard;
  private long rows;
  private long failed;
  private long responses;
  private Position end;

  /**
   * Writes to a folder that was begun.
   *
   * @param model configuration of the model that makes the vectors, as JSON
   * @param settings what decides every bit of the cache
   * @param width D
   * @param gated whether a response has a second vector, for a gate
   * @param fileRows rows of a file, at least
   */
  public CacheWriter(
      FolderRun folder,
      String model,
      RunSettings settings,
      int width,
      boolean gated,
      int fileRows) {
    this.folder = folder;
    this.model = model;
    this.settings = settings;
    this.width = width;
    this.gated = gated;
    this.fileRows = fileRows;
    this.shard = new ShardBuilder(width, gated);
    this.end = folder.position();
    if (!folder.parts().isEmpty()) {
      Map<String, Long> counts = folder.parts().getLast().counts();
      rows = counts.getOrDefault("rows", 0L);
      failed = counts.getOrDefault("failed", 0L);
      responses = counts.getOrDefault("responses", 0L);
    }
  }

  /** Whether a response has a second vector, for a gate. */
  public boolean isGated() {
    return gated;
  }

  /** Adds a row with its vectors. */
  public void add(CachedRow row, float[] vectors) {
    shard.add(row, vectors);
    rows++;
    failed += row instanceof CachedRow.Failed ? 1 : 0;
    responses += row.responses();
  }

  /** Says that all rows of a window were added. */
  public void windowDone(Position position) throws OutputFailure {
    end = position;
    if (shard.rows() >= fileRows || shard.bytes() >= MOST_BYTES) {
      write();
    }
  }

  /** Writes what is left, and the index. */
  public void complete() throws OutputFailure {
    if (shard.rows() > 0) {
      write();
    }
    List<CacheIndex.Shard> shards = new ArrayList<>();
    long rowsBefore = 0;
    long responsesBefore = 0;
    for (Checkpoint part : folder.parts()) {
      long rowsNow = part.counts().getOrDefault("rows", 0L);
      long responsesNow = part.counts().getOrDefault("responses", 0L);
      shards.add(
          new CacheIndex.Shard(
              CacheIndex.Shard.name(shards.size()),
              rowsNow - rowsBefore,
              responsesNow - responsesBefore,
              part.bytes(),
              part.crc()));
      rowsBefore = rowsNow;
      responsesBefore = responsesNow;
    }
    CacheIndex index =
        new CacheIndex(width, gated, rows, failed, responses, model, settings.values(), shards);
    folder.complete(index.toJson(), counts());
  }

  /** Counts of all rows so far, by name. */
  public Map<String, Long> counts() {
    return new TreeMap<>(Map.of("rows", rows, "failed", failed, "responses", responses));
  }

  private void write() throws OutputFailure {
    try {
      shard.write(folder.nextPart());
    } catch (FileException e) {
      throw new OutputFailure(OutputFailure.Kind.SYSTEM, String.valueOf(e.getMessage()), e);
    }
    folder.partDone(end, counts());
  }

  @Override
  public void close() {
    shard.close();
  }
}
