package dev.gavel;

import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_score_args;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One {@code gavel_score_args} in native memory, written anew for every call without allocating.
 */
final class ScoreArguments {
  private static final long[] INPUTS = {
    gavel_score_args.hidden$offset(),
    gavel_score_args.first$offset(),
    gavel_score_args.last$offset()
  };
  private static final long[] READOUT_INPUTS = ReadoutArguments.Offsets.SCORE.tensors();
  private static final long[] OUTPUTS = {
    gavel_score_args.scores$offset(),
    gavel_score_args.logits$offset(),
    gavel_score_args.vectors$offset(),
    gavel_score_args.preactivations$offset(),
    gavel_score_args.counts$offset(),
    gavel_score_args.objectives$offset(),
    gavel_score_args.gate_weights$offset(),
    gavel_score_args.gate_logits$offset(),
    gavel_score_args.gate_preactivations$offset()
  };

  private final MemorySegment struct;
  private final NativeError error;
  private final TensorDescriptor hidden;
  private final TensorDescriptor first;
  private final TensorDescriptor last;
  private final TensorDescriptor scores;
  private final TensorDescriptor logits;
  private final TensorDescriptor vectors;
  private final TensorDescriptor preactivations;
  private final TensorDescriptor counts;
  private final TensorDescriptor objectives;
  private final TensorDescriptor gateWeights;
  private final TensorDescriptor gateLogits;
  private final TensorDescriptor gatePreactivations;
  private final ReadoutArguments readouts;

  ScoreArguments(Arena arena) {
    struct = NativeStruct.allocate(arena, gavel_score_args.layout());
    error = new NativeError(arena);
    hidden = TensorDescriptor.at(struct, gavel_score_args.hidden$offset());
    first = TensorDescriptor.at(struct, gavel_score_args.first$offset());
    last = TensorDescriptor.at(struct, gavel_score_args.last$offset());
    scores = TensorDescriptor.at(struct, gavel_score_args.scores$offset());
    logits = TensorDescriptor.at(struct, gavel_score_args.logits$offset());
    vectors = TensorDescriptor.at(struct, gavel_score_args.vectors$offset());
    preactivations = TensorDescriptor.at(struct, gavel_score_args.preactivations$offset());
    counts = TensorDescriptor.at(struct, gavel_score_args.counts$offset());
    objectives = TensorDescriptor.at(struct, gavel_score_args.objectives$offset());
    gateWeights = TensorDescriptor.at(struct, gavel_score_args.gate_weights$offset());
    gateLogits = TensorDescriptor.at(struct, gavel_score_args.gate_logits$offset());
    gatePreactivations = TensorDescriptor.at(struct, gavel_score_args.gate_preactivations$offset());
    readouts = new ReadoutArguments(arena, struct, ReadoutArguments.Offsets.SCORE);
  }

  MemorySegment struct() {
    return struct;
  }

  NativeError error() {
    return error;
  }

  /** Takes the call to the device. */
  void stage(Staging staging) {
    staging.struct(struct, INPUTS, OUTPUTS);
    staging.struct(struct, READOUT_INPUTS, new long[0]);
    staging.stream(struct, gavel_score_args.stream$offset());
  }

  void choices(Pooling pooling, Readout readout) {
    gavel_score_args.pooling(struct, Codes.pooling(pooling));
    gavel_score_args.combine(struct, Codes.combine(pooling));
    readouts.write(readout);
  }

  /** Describes hidden states as a head takes them; they are described as rows until then. */
  void describeExperts(HeadSpec spec) {
    ReadoutArguments.describeExperts(struct, gavel_score_args.hidden$offset(), spec);
  }

  void input(PackedBatch batch, Pooling pooling, Readout readout) {
    choices(pooling, readout);
    readouts.gateRows(readout, batch);
    HostTensor states = batch.hidden();
    long width = states.size(1);
    hidden.input(states.dtype().code(), states.memory(), batch.rows(), width, width);
    rows(batch, pooling, first, last);
  }

  /** Describes the row lists that the pooling reads. */
  static void rows(
      PackedBatch batch, Pooling pooling, TensorDescriptor first, TensorDescriptor last) {
    if (pooling instanceof Pooling.All) {
      last.clear();
    } else {
      last.input(gavel_h.GAVEL_I64(), batch.last(), batch.responses());
    }
    if (pooling instanceof Pooling.All || pooling instanceof Pooling.Index) {
      first.clear();
    } else {
      first.input(gavel_h.GAVEL_I64(), batch.first(), batch.responses());
    }
  }

  void scores(MemorySegment values, long responses, long width) {
    scores.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void logits(MemorySegment values, long responses, long width) {
    logits.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void vectors(MemorySegment values, long responses, long width) {
    vectors.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void preactivations(MemorySegment values, long responses, long width) {
    preactivations.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void objectives(MemorySegment values, long responses, long width) {
    objectives.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void gateWeights(MemorySegment values, long responses, long width) {
    gateWeights.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void gateLogits(MemorySegment values, long responses, long width) {
    gateLogits.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void gatePreactivations(MemorySegment values, long responses, long width) {
    gatePreactivations.output(gavel_h.GAVEL_F32(), values, responses, width, width);
  }

  void counts(MemorySegment values) {
    counts.output(gavel_h.GAVEL_I64(), values, 2);
  }
}
