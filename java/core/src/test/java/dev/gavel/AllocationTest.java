package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A warmed-up call allocates nothing on the Java heap: not one byte over three times ten thousand
 * calls.
 */
@ExtendWith(NoLeaks.class)
class AllocationTest {
  // The calls allocate nothing in the interpreter either; the JVM itself does, when it links them
  // and each time it swaps compiled code. On a busy machine that takes a while to end.
  private static final int MOST_ROUNDS = 300;
  private static final int QUIET_ROUNDS = 3;
  private static final int CALLS = 10_000;

  @Test
  void scoring() {
    HeadSpec spec = HeadSpec.mlp(64, 32).dtype(DType.BF16).build();
    try (HeadSample sample = new HeadSample(spec, Pooling.index(), Readout.identity(), 4, 1);
        Context context = Context.open(Context.Options.defaults().withThreads(1));
        RewardHead head = sample.head(context);
        ScoreBatch scores = ScoreBatch.allocate(head.spec(), 4)) {
      Pooling pooling = Pooling.firstLast(Pooling.Combine.ADD);
      Readout readout = Readout.affine(1, 2);
      assertAllocatesNothing(() -> head.score(sample.batch, pooling, readout, scores));
    }
  }

  @Test
  void scoringWrappedMemory() {
    HeadSpec spec = HeadSpec.linear(64).build();
    try (Arena arena = Arena.ofShared();
        Context context = Context.open(Context.Options.defaults().withThreads(1));
        RewardHead head = RewardHead.create(context, spec, Init.normal(1, 1));
        HostTensor hidden = HostTensor.wrap(DType.F32, arena.allocate(8 * 64 * 4, 64), 8, 64);
        PackedBatch batch =
            PackedBatch.joint(hidden, Spans.of(new int[] {1, 7}, new int[] {2, 7}));
        ScoreBatch scores = ScoreBatch.allocate(spec, 2)) {
      Pooling pooling = Pooling.index();
      Readout readout = Readout.identity();
      assertAllocatesNothing(() -> head.score(batch, pooling, readout, scores));
    }
  }

  @Test
  void scoringWithALossOverARefilledBatch() {
    HeadSpec spec = HeadSpec.linear(64).build();
    try (Context context = Context.open(Context.Options.defaults().withThreads(1));
        RewardHead head = RewardHead.create(context, spec, Init.normal(1, 1));
        HostTensor hidden = HostTensor.allocate(DType.F32, 8, 64);
        HostTensor target = HostTensor.of(new long[] {1, 0}, 2);
        PackedBatch batch = PackedBatch.allocate(Layout.JOINT, hidden, 8);
        ScoreBatch scores = ScoreBatch.allocate(spec, 8);
        LossResult result = LossResult.allocate(8, 8)) {
      fill(batch, hidden);
      Loss loss = Loss.crossEntropy(batch.groupOffsets(), CrossEntropy.Target.index(target));
      Pooling pooling = Pooling.spanMean();
      Readout readout = Readout.sigmoid();
      assertAllocatesNothing(() -> {
        fill(batch, hidden);
        head.score(batch, pooling, readout, scores, loss, result);
      });
    }
  }

  @Test
  void tokenLogprobsWithALossAndTheirGradient() {
    try (TokenSample sample = new TokenSample(DType.F32, 6, 20, 8, 1);
        Context context = Context.open(Context.Options.defaults().withThreads(1));
        Vocabulary vocabulary = Vocabulary.create(context, sample.weight);
        HostTensor labels = HostTensor.of(new float[] {1, 0}, 2);
        TokenScores scores = TokenScores.allocate(6, 2);
        LossResult result = LossResult.allocate(2, 2);
        HostTensor gradient = HostTensor.of(new float[] {1, 2}, 2)) {
      TokenSource source = TokenSource.hidden(vocabulary, sample.hidden, sample.targets);
      Spans spans = Spans.of(new int[] {0, 3}, new int[] {2, 5});
      TokenLogprob how = TokenLogprob.sum().withReference(sample.reference).withLogRatio(0.5f);
      Loss loss = Loss.bce(labels);
      assertAllocatesNothing(() -> {
        scores.score(context, source, spans, how, loss, result);
        scores.backward(gradient);
      });
    }
  }

  private static void fill(PackedBatch batch, HostTensor hidden) {
    batch.refill(hidden).group().sequence(4).response(0, 1).response(2, 3);
    batch.group().sequence(4).response(1, 1).response(2, 2).seal();
  }

  private static void assertAllocatesNothing(Runnable call) {
    assumeTrue(
        ManagementFactory.getThreadMXBean() instanceof ThreadMXBean,
        "this JVM does not count the bytes a thread allocates");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int quiet = 0;
    long last = 0;
    for (int round = 0; round < MOST_ROUNDS && quiet < QUIET_ROUNDS; round++) {
      last = allocatedBy(call, threads);
      quiet = last == 0 ? quiet + 1 : 0;
    }
    assertEquals(
        QUIET_ROUNDS,
        quiet,
        "rounds of %d calls without one byte; the last allocated %d".formatted(CALLS, last));
  }

  private static long allocatedBy(Runnable call, ThreadMXBean threads) {
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < CALLS; i++) {
      call.run();
    }
    return threads.getCurrentThreadAllocatedBytes() - before;
  }
}
