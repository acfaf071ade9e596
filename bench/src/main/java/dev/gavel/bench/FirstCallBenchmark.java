package dev.gavel.bench;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Init;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the first scores of a process cost: the native library is found and loaded, its calls are
 * linked, a head is made and scores four responses. One call in each of ten virtual machines.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 10, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 0)
@Measurement(iterations = 1)
public class FirstCallBenchmark {
  /** Whether the hidden states are memory of an arena of the caller's. */
  @Param({"false", "true"})
  public boolean wrapped;

  /** From nothing to scores. */
  @Benchmark
  public float[] score() {
    HeadSpec spec = HeadSpec.linear(1024).build();
    try (Arena arena = Arena.ofShared();
        Context context = Context.open(Context.Options.defaults().withThreads(1));
        RewardHead head = RewardHead.create(context, spec, Init.normal(0.02f, 1));
        HostTensor hidden =
            wrapped
                ? HostTensor.wrap(spec.dtype(), arena.allocate(4 * 1024 * 4, 64), 4, 1024)
                : HostTensor.allocate(spec.dtype(), 4, 1024);
        PackedBatch batch = PackedBatch.ofVectors(hidden, 4)) {
      return head.score(batch, Pooling.index(), Readout.identity());
    }
  }
}
