package dev.gavel.cli.measure;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.Device;
import dev.gavel.DeviceBatch;
import dev.gavel.DeviceTensor;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import dev.gavel.Stream;
import java.util.Optional;
import java.util.SplittableRandom;

/** One caller of a head with random vectors of its own, where the head runs. */
interface HeadCaller extends AutoCloseable {
  /** Scores them, and returns when the scores are there. */
  void call();

  @Override
  void close();

  /** A caller of this head; seed: of its vectors. */
  static HeadCaller of(RewardHead head, int responses, int seed) {
    return head.context().info().device() instanceof Device.Cuda
        ? new OnCuda(head, responses, seed)
        : new OnCpu(head, responses, seed);
  }

  private static HostTensor vectors(HeadSpec spec, int responses, int seed) {
    HostTensor vectors = HostTensor.allocate(spec.dtype(), responses, spec.inputWidth());
    SplittableRandom random = new SplittableRandom(seed);
    for (long i = 0; i < vectors.elementCount(); i++) {
      vectors.setFloat(i, (float) random.nextDouble(-1, 1));
    }
    return vectors;
  }

  /** On host memory, one call. */
  final class OnCpu implements HeadCaller {
    private final RewardHead head;
    private final HostTensor vectors;
    private final PackedBatch batch;
    private final ScoreBatch scores;

    OnCpu(RewardHead head, int responses, int seed) {
      this.head = head;
      this.vectors = vectors(head.spec(), responses, seed);
      this.batch = PackedBatch.ofVectors(vectors, responses);
      this.scores = ScoreBatch.allocate(head.spec(), responses);
    }

    @Override
    public void call() {
      head.score(batch, Pooling.index(), Readout.identity(), scores);
    }

    @Override
    public void close() {
      scores.close();
      batch.close();
      vectors.close();
    }
  }

  /** On device memory, one call and the wait for it; nothing is copied. */
  final class OnCuda implements HeadCaller {
    private final RewardHead head;
    private final Stream stream;
    private final DeviceTensor vectors;
    private final DeviceTensor last;
    private final DeviceTensor scores;
    private final DeviceBatch batch;

    OnCuda(RewardHead head, int responses, int seed) {
      this.head = head;
      Context context = head.context();
      HeadSpec spec = head.spec();
      stream = Stream.open(context);
      vectors = DeviceTensor.allocate(stream, spec.dtype(), responses, spec.inputWidth());
      last = DeviceTensor.allocate(stream, DType.I64, responses);
      scores = DeviceTensor.allocate(stream, DType.F32, responses, spec.outputWidth());
      batch = new DeviceBatch(vectors, Optional.empty(), last);
      try (HostTensor rows = vectors(spec, responses, seed);
          HostTensor rowOfEach = HostTensor.allocate(DType.I64, responses)) {
        for (int r = 0; r < responses; r++) {
          rowOfEach.setLong(r, r);
        }
        vectors.copyFrom(rows, stream);
        last.copyFrom(rowOfEach, stream);
        stream.synchronize();
      }
    }

    @Override
    public void call() {
      head.score(batch, Pooling.index(), Readout.identity(), scores, stream);
      stream.synchronize();
    }

    @Override
    public void close() {
      scores.close();
      last.close();
      vectors.close();
      stream.close();
    }
  }
}
