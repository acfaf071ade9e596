package dev.gavel.cli.measure;

import dev.gavel.Context;
import dev.gavel.GavelException;
import dev.gavel.HeadSpec;
import dev.gavel.Init;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.cli.cache.CacheScoring;
import dev.gavel.cli.cache.CacheShard;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/**
 * Scores the vectors of a cache in place with a linear head, as {@code score} does, again and
 * again. Rows are neither parsed nor written: what is measured is what the vectors cost.
 */
public final class CacheLoad {
  // No cache of a processor holds it.
  private static final long WORKING_SET = 512L << 20;

  // Memory and head take turns, so that what else the machine does hits both.
  private static final int ROUNDS = 5;
  private static final double CEILING_SHARE = 0.3;

  private CacheLoad() {}

  /**
   * What came out: medians of the rounds, in bytes a second.
   *
   * @param width D
   * @param responses vectors of a pass
   * @param scored vectors in files that are mapped and were read before
   * @param read memory, read by as many threads
   * @param ratio scored / read, round by round
   * @param scoredAnew vectors in files that are mapped for this pass, as those of a run are: from
   *     the system's cache, or from the disk where that is too small
   * @param filesRead the same files, read by as many threads into a buffer each
   * @param filesRatio scoredAnew / filesRead, round by round
   */
  public record Result(
      int width,
      long responses,
      double scored,
      double read,
      double ratio,
      double scoredAnew,
      double filesRead,
      double filesRatio) {
    /** One JSON object on one line. */
    public String json() {
      return String.format(
          Locale.ROOT,
          "{\"width\":%d,\"responses\":%d,\"scored_bytes_per_second\":%.0f,\"read_bytes_per_second\":%.0f,\"ratio\":%.3f,\"scored_anew_bytes_per_second\":%.0f,\"files_read_bytes_per_second\":%.0f,\"files_ratio\":%.3f}%n",
          width,
          responses,
          scored,
          read,
          ratio,
          scoredAnew,
          filesRead,
          filesRatio);
    }

    /** Lines for people. */
    public String table() {
      return String.format(
          Locale.ROOT,
          "linear head on %s of %d, medians of %s%n"
              + "mapped before: %.2f GB/s, %.1f million responses/s; memory is read at %.2f GB/s;"
              + " ratio %.2f%n"
              + "mapped anew:   %.2f GB/s, %.1f million responses/s; files are read at %.2f GB/s;"
              + " ratio %.2f%n",
          Counted.of(responses, "cached vector"),
          width,
          Counted.of(ROUNDS, "round"),
          scored / 1e9,
          scored / width / Float.BYTES / 1e6,
          read / 1e9,
          ratio,
          scoredAnew / 1e9,
          scoredAnew / width / Float.BYTES / 1e6,
          filesRead / 1e9,
          filesRatio);
    }
  }

  /**
   * Measures. The first pass, which may read the disk, is not counted.
   *
   * @param seconds how long, about
   */
  public static Result run(HiddenCache cache, Context context, double seconds) {
    int width = cache.index().width();
    if (cache.index().responses() == 0) {
      throw new GavelException("cache %s has no vectors to score".formatted(cache.folder()));
    }
    HeadSpec spec = HeadSpec.linear(width).build();
    double[] read = new double[ROUNDS];
    double[] scored = new double[ROUNDS];
    double[] anew = new double[ROUNDS];
    double[] files = new double[ROUNDS];
    List<CacheShard> shards = new ArrayList<>();
    try (RewardHead head = RewardHead.create(context, spec, Init.normal(0.02f, 1));
        CacheScoring.VectorScorer scorer =
            new CacheScoring.VectorScorer(head, Readout.identity())) {
      for (int i = 0; i < cache.index().shards().size(); i++) {
        shards.add(cache.shard(i));
      }
      Runnable mapped = () -> shards.forEach(shard -> score(shard, scorer, width));
      Runnable mappedAnew = () -> scoreAnew(cache, scorer);
      mapped.run();
      double round = seconds / ROUNDS;
      double each = round * (1 - CEILING_SHARE) / 3;
      int threads = context.info().threads();
      for (int i = 0; i < ROUNDS; i++) {
        read[i] = MemoryReads.rate(WORKING_SET, threads, round * CEILING_SHARE);
        scored[i] = rate(cache, mapped, each);
        anew[i] = rate(cache, mappedAnew, each);
        files[i] = rate(cache, () -> FileReads.all(cache, threads), each);
      }
    } finally {
      shards.forEach(CacheShard::close);
    }
    return new Result(
        width,
        cache.index().responses(),
        median(scored),
        median(read),
        median(quotients(scored, read)),
        median(anew),
        median(files),
        median(quotients(anew, files)));
  }

  private static double[] quotients(double[] upper, double[] lower) {
    double[] all = new double[upper.length];
    Arrays.setAll(all, i -> upper[i] / lower[i]);
    return all;
  }

  // Bytes of vectors a second, in the median pass.
  private static double rate(HiddenCache cache, Runnable pass, double seconds) {
    double bytes = (double) cache.index().responses() * cache.index().width() * Float.BYTES;
    List<Double> rates = new ArrayList<>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    do {
      long start = System.nanoTime();
      pass.run();
      rates.add(bytes / ((System.nanoTime() - start) / 1e9));
    } while (System.nanoTime() < end);
    return median(rates.stream().mapToDouble(Double::doubleValue).toArray());
  }

  private static double median(double[] values) {
    return Arrays.stream(values).sorted().toArray()[values.length / 2];
  }

  // The next file is opened while one is scored: score has a thread for that.
  private static void scoreAnew(HiddenCache cache, CacheScoring.VectorScorer scorer) {
    int files = cache.index().shards().size();
    CompletableFuture<CacheShard> next = CompletableFuture.supplyAsync(() -> cache.shard(0));
    for (int i = 1; i <= files; i++) {
      int number = i;
      try (CacheShard shard = next.join()) {
        next =
            number < files
                ? CompletableFuture.supplyAsync(() -> cache.shard(number))
                : CompletableFuture.completedFuture(shard);
        score(shard, scorer, cache.index().width());
      }
    }
  }

  private static void score(CacheShard shard, CacheScoring.VectorScorer scorer, int width) {
    int most = (int) Math.max(1, CacheScoring.PIECE_BYTES / (width * (long) Float.BYTES));
    for (int from = 0; from < shard.responses(); from += most) {
      int[] sizes = new int[Math.min(most, shard.responses() - from)];
      Arrays.fill(sizes, 1);
      scorer.score(shard, from, sizes);
    }
  }
}
