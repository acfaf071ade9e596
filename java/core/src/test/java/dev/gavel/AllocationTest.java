package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A warmed-up call allocates nothing on the Java heap: not one byte over ten thousand calls. */
@ExtendWith(NoLeaks.class)
class AllocationTest {
  // Enough for the last tier of compilation, which removes what the interpreter allocates.
  private static final int WARM_UP = 60_000;
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

  private static void fill(PackedBatch batch, HostTensor hidden) {
    batch.refill(hidden).group().sequence(4).response(0, 1).response(2, 3);
    batch.group().sequence(4).response(1, 1).response(2, 2).seal();
  }

  private static void assertAllocatesNothing(Runnable call) {
    assumeTrue(
        ManagementFactory.getThreadMXBean() instanceof ThreadMXBean,
        "this JVM does not count the bytes a thread allocates");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (int i = 0; i < WARM_UP; i++) {
      call.run();
    }
    threads.getCurrentThreadAllocatedBytes();
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < CALLS; i++) {
      call.run();
    }
    long after = threads.getCurrentThreadAllocatedBytes();
    assertEquals(0, after - before, "bytes over " + CALLS + " calls");
  }
}
