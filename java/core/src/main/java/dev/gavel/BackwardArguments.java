package dev.gavel;

import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** One {@code gavel_backward_args} in native memory, written anew for every call. */
final class BackwardArguments {
  private static final long[] INPUTS = {
    gavel_backward_args.hidden$offset(),
    gavel_backward_args.first$offset(),
    gavel_backward_args.last$offset(),
    gavel_backward_args.scores$offset(),
    gavel_backward_args.preactivations$offset(),
    gavel_backward_args.dscore$offset(),
    gavel_backward_args.logits$offset(),
    gavel_backward_args.gate_logits$offset(),
    gavel_backward_args.gate_preactivations$offset()
  };
  private static final long[] READOUT_INPUTS = ReadoutArguments.Offsets.BACKWARD.tensors();
  private static final long[] OUTPUTS = {
    gavel_backward_args.dvectors$offset(), gavel_backward_args.dgate_vectors$offset()
  };

  private final MemorySegment struct;
  private final TensorDescriptor hidden;
  private final TensorDescriptor first;
  private final TensorDescriptor last;
  private final TensorDescriptor scores;
  private final TensorDescriptor preactivations;
  private final TensorDescriptor scoreGradient;
  private final TensorDescriptor vectorGradient;
  private final TensorDescriptor logits;
  private final TensorDescriptor gateLogits;
  private final TensorDescriptor gatePreactivations;
  private final TensorDescriptor gateScaleGradient;
  private final TensorDescriptor gateVectorGradient;
  private final ReadoutArguments readouts;

  BackwardArguments(Arena arena) {
    struct = NativeStruct.allocate(arena, gavel_backward_args.layout());
    hidden = TensorDescriptor.at(struct, gavel_backward_args.hidden$offset());
    first = TensorDescriptor.at(struct, gavel_backward_args.first$offset());
    last = TensorDescriptor.at(struct, gavel_backward_args.last$offset());
    scores = TensorDescriptor.at(struct, gavel_backward_args.scores$offset());
    preactivations = TensorDescriptor.at(struct, gavel_backward_args.preactivations$offset());
    scoreGradient = TensorDescriptor.at(struct, gavel_backward_args.dscore$offset());
    vectorGradient = TensorDescriptor.at(struct, gavel_backward_args.dvectors$offset());
    logits = TensorDescriptor.at(struct, gavel_backward_args.logits$offset());
    gateLogits = TensorDescriptor.at(struct, gavel_backward_args.gate_logits$offset());
    gatePreactivations =
        TensorDescriptor.at(struct, gavel_backward_args.gate_preactivations$offset());
    gateScaleGradient = TensorDescriptor.at(struct, gavel_backward_args.dgate_scale$offset());
    gateVectorGradient = TensorDescriptor.at(struct, gavel_backward_args.dgate_vectors$offset());
    readouts = new ReadoutArguments(arena, struct, ReadoutArguments.Offsets.BACKWARD);
  }

  /** Takes a backward call to the device. */
  void stageBackward(Staging staging) {
    staging.struct(struct, INPUTS, OUTPUTS);
    staging.struct(struct, READOUT_INPUTS, new long[0]);
    boolean adds = gavel_backward_args.accumulate(struct) != 0;
    staging.tensor(
        struct.asSlice(gavel_backward_args.dgate_scale$offset(), gavel_tensor.layout()),
        adds,
        true);
    staging.stream(struct, gavel_backward_args.stream$offset());
  }

  /** The {@code gavel_backward_args}. */
  MemorySegment backward() {
    return struct;
  }

  void choices(Pooling pooling, Readout readout, boolean accumulate) {
    gavel_backward_args.pooling(struct, Codes.pooling(pooling));
    gavel_backward_args.combine(struct, Codes.combine(pooling));
    readouts.write(readout);
    gavel_backward_args.accumulate(struct, accumulate ? 1 : 0);
  }

  void input(PackedBatch batch, Pooling pooling, Readout readout, boolean accumulate) {
    choices(pooling, readout, accumulate);
    readouts.gateRows(readout, batch);
    HostTensor states = batch.hidden();
    long width = states.size(1);
    hidden.input(states.dtype().code(), states.memory(), batch.rows(), width, width);
    ScoreArguments.rows(batch, pooling, first, last);
  }

  /** Describes hidden states as a head takes them; they are described as rows until then. */
  void describeExperts(HeadSpec spec) {
    ReadoutArguments.describeExperts(struct, gavel_backward_args.hidden$offset(), spec);
  }

  /** Logits of the forward pass, for the readouts whose derivative is computed from them. */
  void logits(HostTensor values, Readout readout) {
    if (readsLogits(readout)) {
      matrix(logits, values);
    } else {
      logits.clear();
    }
  }

  static boolean readsLogits(Readout readout) {
    return switch (readout) {
      case Readout.ClassProb _, Readout.Expectation _, Readout.GatedSum _ -> true;
      case Readout.WeightedSum sum -> readsLogits(sum.objectives());
      case Readout.Identity _, Readout.Affine _, Readout.Sigmoid _, Readout.QuantileMean _ -> false;
    };
  }

  /** What the forward pass wrote of the gate, and where its gradients go. */
  void gate(
      HostTensor values, Optional<HostTensor> inner, MemorySegment gradients, int parameters) {
    matrix(gateLogits, values);
    inner.ifPresent(preactivations -> matrix(gatePreactivations, preactivations));
    gavel_backward_args.gate_gradients(struct, gradients);
    gavel_backward_args.gate_gradient_count(struct, parameters);
  }

  void gateScaleGradient(MemorySegment value) {
    gateScaleGradient.output(gavel_h.GAVEL_F32(), value, 1);
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

  void gateVectorGradient(MemorySegment values, long rows, long width) {
    gateVectorGradient.output(gavel_h.GAVEL_F32(), values, rows, width, width);
  }

  private static void matrix(TensorDescriptor descriptor, HostTensor values) {
    long columns = values.size(1);
    descriptor.input(gavel_h.GAVEL_F32(), values.memory(), values.size(0), columns, columns);
  }
}
