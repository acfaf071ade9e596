package dev.gavel.bench;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a whole score call costs around its kernel: R = 4 responses through a linear head. With H =
 * 1 the kernel has nothing to do, so that row is the cost of everything else: checks, descriptors,
 * the call, the head's own checks, and what it costs to hold the arena of wrapped hidden states.
 * Hidden states of the caller's arena cost a little more, since the call holds it. Run with {@code
 * -prof gc} for the bytes per call.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class ScoreCallBenchmark {
  private static final int RESPONSES = 4;

  /** H. */
  @Param({"1", "1024"})
  public int width;

  /** Storage. */
  @Param({"F32", "BF16"})
  public DType dtype;

  /** Whether the hidden states are memory of an arena of the caller's. */
  @Param({"false", "true"})
  public boolean wrapped;

  private Arena arena;
  private Context context;
  private RewardHead head;
  private HostTensor hidden;
  private PackedBatch batch;
  private ScoreBatch scores;

  /** Makes a head and a batch. */
  @Setup(Level.Trial)
  public void open() {
    context = Context.open(Context.Options.defaults().withThreads(1));
    HeadSpec spec = HeadSpec.linear(width).dtype(dtype).build();
    head = RewardHead.create(context, spec, Init.normal(0.02f, 1));
    arena = Arena.ofShared();
    hidden =
        wrapped
            ? HostTensor.wrap(
                dtype,
                arena.allocate((long) RESPONSES * width * dtype.bytes(), 64),
                RESPONSES,
                width)
            : HostTensor.allocate(dtype, RESPONSES, width);
    batch = PackedBatch.ofVectors(hidden, RESPONSES);
    scores = ScoreBatch.allocate(spec, RESPONSES);
  }

  /** Frees them. */
  @TearDown(Level.Trial)
  public void close() {
    scores.close();
    batch.close();
    hidden.close();
    head.close();
    context.close();
    arena.close();
  }

  /** The whole call. */
  @Benchmark
  public float score() {
    head.score(batch, Pooling.index(), Readout.identity(), scores);
    return scores.score(0);
  }
}
