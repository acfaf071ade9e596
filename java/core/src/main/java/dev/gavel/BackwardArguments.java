package dev.gavel;

import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One {@code gavel_backward_args} and one {@code gavel_scatter_args} in native memory, written anew
 * for every call.
 */
final class BackwardArguments {
  private static final long[] INPUTS = {
    gavel_backward_args.hidden$offset(),
    gavel_backward_args.first$offset(),
    gavel_backward_args.last$offset(),
    gavel_backward_args.scores$offset(),
    gavel_backward_args.preactivations$offset(),
    gavel_backward_args.dscore$offset()
  };
  private static final long[] OUTPUTS = {gavel_backward_args.dvectors$offset()};
  private static final long[] SCATTER_INPUTS = {
    gavel_scatter_args.first$offset(),
    gavel_scatter_args.last$offset(),
    gavel_scatter_args.dvectors$offset()
  };

  private final MemorySegment struct;
  private final TensorDescriptor hidden;
  private final TensorDescriptor first;
  private final TensorDescriptor last;
  private final TensorDescriptor scores;
  private final TensorDescriptor preactivations;
  private final TensorDescriptor scoreGradient;
  private final TensorDescriptor vectorGradient;
  private final MemorySegment scatter;
  private final TensorDescriptor scatterFirst;
  private final TensorDescriptor scatterLast;
  private final TensorDescriptor scatterVectors;
  private final TensorDescriptor scatterHidden;

  BackwardArguments(Arena arena) {
    struct = NativeStruct.allocate(arena, gavel_backward_args.layout());
    hidden = TensorDescriptor.at(struct, gavel_backward_args.hidden$offset());
    first = TensorDescriptor.at(struct, gavel_backward_args.first$offset());
    last = TensorDescriptor.at(struct, gavel_backward_args.last$offset());
    scores = TensorDescriptor.at(struct, gavel_backward_args.scores$offset());
    preactivations = TensorDescriptor.at(struct, gavel_backward_args.preactivations$offset());
    scoreGradient = TensorDescriptor.at(struct, gavel_backward_args.dscore$offset());
    vectorGradient = TensorDescriptor.at(struct, gavel_backward_args.dvectors$offset());
    scatter = NativeStruct.allocate(arena, gavel_scatter_args.layout());
    scatterFirst = TensorDescriptor.at(scatter, gavel_scatter_args.first$offset());
    scatterLast = TensorDescriptor.at(scatter, gavel_scatter_args.last$offset());
    scatterVectors = TensorDescriptor.at(scatter, gavel_scatter_args.dvectors$offset());
    scatterHidden = TensorDescriptor.at(scatter, gavel_scatter_args.dhidden$offset());
  }

  /** Takes a backward call to the device. */
  void stageBackward(Staging staging) {
    staging.struct(struct, INPUTS, OUTPUTS);
    staging.stream(struct, gavel_backward_args.stream$offset());
  }

  /** Takes a scatter call to the device; it adds to the gradient of the hidden states. */
  void stageScatter(Staging staging) {
    staging.struct(scatter, SCATTER_INPUTS, new long[0]);
    staging.tensor(
        scatter.asSlice(gavel_scatter_args.dhidden$offset(), gavel_tensor.layout()), true, true);
    staging.stream(scatter, gavel_scatter_args.stream$offset());
  }

  /** The {@code gavel_backward_args}. */
  MemorySegment backward() {
    return struct;
  }

  /** The {@code gavel_scatter_args}. */
  MemorySegment scatter() {
    return scatter;
  }

  void input(PackedBatch batch, Pooling pooling, Readout readout, boolean accumulate) {
    gavel_backward_args.pooling(struct, Codes.pooling(pooling));
    gavel_backward_args.combine(struct, Codes.combine(pooling));
    gavel_backward_args.readout(struct, Codes.readout(readout));
    gavel_backward_args.readout_mean(struct, Codes.readoutMean(readout));
    gavel_backward_args.readout_deviation(struct, Codes.readoutDeviation(readout));
    gavel_backward_args.accumulate(struct, accumulate ? 1 : 0);
    HostTensor states = batch.hidden();
    long width = states.size(1);
    hidden.input(states.dtype().code(), states.memory(), batch.rows(), width, width);
    ScoreArguments.rows(batch, pooling, first, last);
  }

  /** Scores of the forward pass: only a sigmoid's derivative is computed from them. */
  void scores(HostTensor values, Readout readout) {
    if (readout instanceof Readout.Sigmoid) {
      matrix(scores, values);
    } else {
      scores.clear();
    }
  }

  void preactivations(HostTensor values) {
    matrix(preactivations, values);
  }

  void scoreGradient(HostTensor values) {
    matrix(scoreGradient, values);
  }

  void vectorGradient(MemorySegment values, long rows, long width) {
    vectorGradient.output(gavel_h.GAVEL_F32(), values, rows, width, width);
  }

  void scatter(
      PackedBatch batch, Pooling pooling, MemorySegment vectors, long width, HostTensor target) {
    gavel_scatter_args.pooling(scatter, Codes.pooling(pooling));
    gavel_scatter_args.combine(scatter, Codes.combine(pooling));
    ScoreArguments.rows(batch, pooling, scatterFirst, scatterLast);
    scatterVectors.input(gavel_h.GAVEL_F32(), vectors, batch.items(pooling), width, width);
    long columns = target.size(1);
    scatterHidden.output(gavel_h.GAVEL_F32(), target.memory(), target.size(0), columns, columns);
  }

  private static void matrix(TensorDescriptor descriptor, HostTensor values) {
    long columns = values.size(1);
    descriptor.input(gavel_h.GAVEL_F32(), values.memory(), values.size(0), columns, columns);
  }
}
