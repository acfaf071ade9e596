package dev.gavel.cli.cache;

import dev.gavel.HostTensor;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import dev.gavel.cli.input.Position;
import dev.gavel.cli.input.ReadFailure;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.scoring.ScoringPipeline;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.cli.scoring.Stages;
import dev.gavel.text.VectorModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Scores the vectors of a cache where they are, in the mapped files: nothing is copied. Reading
 * rows, head and what the caller does each have a thread and overlap. Rows come out in order.
 */
public final class CacheScoring {
  /**
   * Bytes of vectors of a call. Threads are woken, and vectors listed, once a call: with 8 MiB that
   * took a fifth of the time that memory takes to give them to two threads.
   */
  public static final long PIECE_BYTES = 32L << 20;

  // Their metadata is in memory, some hundred bytes a row, in as many pieces as the queues hold.
  private static final int MOST_ROWS = 4096;

  private final HiddenCache cache;
  private final VectorModel model;
  private final StageTimes times;
  private final List<CacheShard> opened = Collections.synchronizedList(new ArrayList<>());

  /**
   * Some rows, one after another, with their scores.
   *
   * @param entries the rows, in order
   * @param end the place after them: source is the file, line the rows of it in front
   */
  public record Piece(List<Entry> entries, Position end) {
    /** Copies the list. */
    public Piece {
      entries = List.copyOf(entries);
    }
  }

  /**
   * A row.
   *
   * @param row what the cache tells of it
   * @param values what the head gives for its responses, as {@link VectorModel#outputs} says
   */
  public record Entry(CachedRow row, List<Float> values) {
    /** Copies the list. */
    public Entry {
      values = List.copyOf(values);
    }
  }

  /** What is done with scored rows, on the caller's thread. */
  @FunctionalInterface
  public interface Sink {
    /** Takes the next rows. */
    void accept(Piece piece) throws OutputFailure;
  }

  private record Read(
      CacheShard shard,
      List<CachedRow> rows,
      int firstVector,
      int vectors,
      Position end,
      boolean lastOfShard) {}

  /** Neither the cache nor the model is closed. */
  public CacheScoring(HiddenCache cache, VectorModel model, StageTimes times) {
    this.cache = cache;
    this.model = model;
    this.times = times;
  }

  /**
   * Runs until the cache ends.
   *
   * @param from where an earlier piece ended
   * @throws OutputFailure if the sink says so
   */
  public void run(Position from, Sink sink) throws OutputFailure {
    Stages stages = new Stages();
    Stages.Queue<Read> read = stages.new Queue<>(2);
    Stages.Queue<Piece> scored = stages.new Queue<>(2);
    try {
      try (stages) {
        stages.start("rows", () -> read(from, read));
        stages.start("head", () -> score(read, scored));
        Optional<Piece> piece = scored.take();
        while (piece.isPresent()) {
          long start = System.nanoTime();
          sink.accept(piece.get());
          times.writing(start);
          piece = scored.take();
        }
      } catch (Stages.StoppedException e) {
        throw ScoringPipeline.failure(stages.failure().orElse(e));
      }
    } catch (ReadFailure e) {
      throw new IllegalStateException("a cache is not read as a stream", e);
    } finally {
      opened.forEach(CacheShard::close);
    }
  }

  private void read(Position from, Stages.Queue<Read> to) throws Stages.StoppedException {
    long[] rows = {from.rows()};
    for (int i = from.source(); i < cache.index().shards().size(); i++) {
      int number = i;
      CacheShard shard = cache.shard(i);
      opened.add(shard);
      Collecting collecting = new Collecting(shard, to);
      int first = i == from.source() ? (int) from.line() : 0;
      collecting.start = System.nanoTime();
      shard.rows(
          first,
          (row, vector) -> {
            collecting.add(row, vector, cache.index().width());
            rows[0]++;
            if (collecting.isFull()) {
              collecting.put(new Position(number, 0, first + collecting.total, rows[0]), false);
            }
          });
      collecting.put(new Position(i + 1, 0, 0, rows[0]), true);
    }
    to.end();
  }

  /** Rows on their way to the head. */
  private final class Collecting {
    private final CacheShard shard;
    private final Stages.Queue<Read> to;
    private List<CachedRow> rows = new ArrayList<>();
    private int firstVector;
    private int vectors;
    private long bytes;
    private long total;
    private long start;

    Collecting(CacheShard shard, Stages.Queue<Read> to) {
      this.shard = shard;
      this.to = to;
    }

    void add(CachedRow row, int vector, int width) {
      if (rows.isEmpty()) {
        firstVector = vector;
      }
      rows.add(row);
      vectors += row.responses();
      bytes += (long) row.responses() * width * Float.BYTES;
      total++;
    }

    boolean isFull() {
      return rows.size() >= MOST_ROWS || bytes >= PIECE_BYTES;
    }

    void put(Position end, boolean lastOfShard) throws Stages.StoppedException {
      times.reading(start);
      to.put(new Read(shard, rows, firstVector, vectors, end, lastOfShard));
      rows = new ArrayList<>();
      vectors = 0;
      bytes = 0;
      start = System.nanoTime();
    }
  }

  private void score(Stages.Queue<Read> from, Stages.Queue<Piece> to) throws Exception {
    int width = model.outputs().width();
    try (PieceScorer scorer = PieceScorer.of(model)) {
      Optional<Read> read = from.take();
      while (read.isPresent()) {
        Read piece = read.get();
        long start = System.nanoTime();
        float[] values =
            piece.vectors() == 0
                ? new float[0]
                : scorer.score(piece.shard(), piece.firstVector(), sizes(piece.rows()));
        List<Entry> entries = new ArrayList<>();
        int at = 0;
        for (CachedRow row : piece.rows()) {
          List<Float> own = new ArrayList<>(width * row.responses());
          for (int i = 0; i < width * row.responses(); i++) {
            own.add(values[at]);
            at++;
          }
          entries.add(new Entry(row, own));
        }
        if (piece.lastOfShard()) {
          // Pages of a file count as memory of the process for as long as they are mapped.
          piece.shard().close();
          opened.remove(piece.shard());
        }
        times.head(start);
        to.put(new Piece(entries, piece.end()));
        read = from.take();
      }
      to.end();
    }
  }

  private static int[] sizes(List<CachedRow> rows) {
    return rows.stream().mapToInt(CachedRow::responses).filter(size -> size > 0).toArray();
  }

  /** Scores pieces of a cache with memory that is used again. One thread. */
  public static final class VectorScorer implements PieceScorer {
    private final RewardHead head;
    private final Readout readout;
    private Optional<PackedBatch> batch = Optional.empty();
    private Optional<ScoreBatch> into = Optional.empty();
    private int capacity;

    /** A scorer. */
    public VectorScorer(RewardHead head, Readout readout) {
      this.head = head;
      this.readout = readout;
    }

    /**
     * Scores vectors of a file in place.
     *
     * @param first the first of them
     * @param sizes responses of each prompt
     * @return one per response
     */
    @Override
    public float[] score(CacheShard shard, int first, int[] sizes) {
      int count = java.util.Arrays.stream(sizes).sum();
      shard.requireWhole();
      HostTensor vectors = shard.vectors().rows(first, count);
      PackedBatch filled = reserve(vectors, count).refillVectors(vectors, sizes);
      ScoreBatch scores = into.orElseThrow();
      head.score(filled, Pooling.index(), readout, scores);
      return scores.toArray();
    }

    private PackedBatch reserve(HostTensor vectors, int count) {
      if (count > capacity) {
        close();
        capacity = Math.max(count, 2 * capacity);
        batch = Optional.of(PackedBatch.allocate(dev.gavel.Layout.INDEPENDENT, vectors, capacity));
        into = Optional.of(ScoreBatch.allocate(head.spec(), readout, capacity));
      }
      return batch.orElseThrow();
    }

    @Override
    public void close() {
      batch.ifPresent(PackedBatch::close);
      into.ifPresent(ScoreBatch::close);
    }
  }
}
