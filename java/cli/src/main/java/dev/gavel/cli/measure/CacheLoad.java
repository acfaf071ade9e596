package dev.gavel.cli.measure;

import dev.gavel.Context;
import dev.gavel.GavelException;
import dev.gavel.HeadSpec;
import dev.gavel.Init;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.cli.cache.CacheShard;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.scoring.CacheScoring;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Scores the vectors of a cache in place with a linear head, as {@code score} does, again and
 * again. Rows are neither parsed nor written: what is measured is what the vectors cost.
 */
public final class CacheLoad {
  // As score does.
  private static final long PIECE_BYTES = 8L << 20;

  // No cache of a processor holds it.
  private static final long WORKING_SET = 512L << 20;
  private static final double CEILING_SHARE = 0.3;

  private CacheLoad() {}

  /**
   * What came out.
   *
   * @param width D
   * @param responses vectors of a pass
   * @param passes passes over the cache
   * @param scored bytes of vectors a second, in the median pass
   * @param read bytes a second that memory is read with, by as many threads
   */
  public record Result(int width, long responses, int passes, double scored, double read) {
    /** One JSON object on one line. */
    public String json() {
      return String.format(
          Locale.ROOT,
          "{\"width\":%d,\"responses\":%d,\"passes\":%d,\"scored_bytes_per_second\":%.0f,\"read_bytes_per_second\":%.0f,\"ratio\":%.3f}%n",
          width,
          responses,
          passes,
          scored,
          read,
          scored / read);
    }

    /** Lines for people. */
    public String table() {
      return String.format(
          Locale.ROOT,
          "linear head on %d cached vectors of %d: %.2f GB/s (median of %d passes), %.1f million"
              + " responses/s%nmemory is read at %.2f GB/s; ratio %.2f%n",
          responses,
          width,
          scored / 1e9,
          passes,
          scored / width / Float.BYTES / 1e6,
          read / 1e9,
          scored / read);
    }
  }

  /**
   * Measures. The first pass, which may read the disk, is not counted.
   *
   * @param seconds how long, about
   */
  public static Result run(HiddenCache cache, Context context, double seconds) {
    int width = cache.index().width();
    long bytes = cache.index().responses() * width * Float.BYTES;
    if (bytes == 0) {
      throw new GavelException("cache %s has no vectors to score".formatted(cache.folder()));
    }
    double read = Ceilings.readRate(WORKING_SET, context.info().threads(), seconds * CEILING_SHARE);
    HeadSpec spec = HeadSpec.linear(width).build();
    List<CacheShard> shards = new ArrayList<>();
    try (RewardHead head = RewardHead.create(context, spec, Init.normal(0.02f, 1));
        CacheScoring.VectorScorer scorer =
            new CacheScoring.VectorScorer(head, Readout.identity())) {
      for (int i = 0; i < cache.index().shards().size(); i++) {
        shards.add(cache.shard(i));
      }
      pass(shards, scorer, width);
      List<Double> rates = new ArrayList<>();
      long end = System.nanoTime() + (long) (seconds * (1 - CEILING_SHARE) * 1e9);
      do {
        long start = System.nanoTime();
        pass(shards, scorer, width);
        rates.add(bytes / ((System.nanoTime() - start) / 1e9));
      } while (System.nanoTime() < end);
      double[] sorted = rates.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      return new Result(
          width, cache.index().responses(), sorted.length, sorted[sorted.length / 2], read);
    } finally {
      shards.forEach(CacheShard::close);
    }
  }

  private static void pass(List<CacheShard> shards, CacheScoring.VectorScorer scorer, int width) {
    int most = (int) Math.max(1, PIECE_BYTES / (width * (long) Float.BYTES));
    for (CacheShard shard : shards) {
      for (int from = 0; from < shard.responses(); from += most) {
        int[] sizes = new int[Math.min(most, shard.responses() - from)];
        Arrays.fill(sizes, 1);
        scorer.score(shard, from, sizes);
      }
    }
  }
}
