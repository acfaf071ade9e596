package dev.gavel;

import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_score_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * What the structs of a score and of a backward call both say of the readout. Written anew only
 * where the readout is another one than before, so that a repeated call allocates nothing.
 */
final class ReadoutArguments {

  /** Where a struct has the fields. */
  record Offsets(
      long readout,
      long mean,
      long deviation,
      long width,
      long wanted,
      long statistic,
      long objectives,
      long form,
      long temperature,
      long scale,
      long levels,
      long weights,
      long transform,
      long gate,
      long gateIndex) {
    static final Offsets SCORE =
        new Offsets(
            gavel_score_args.readout$offset(),
            gavel_score_args.readout_mean$offset(),
            gavel_score_args.readout_deviation$offset(),
            gavel_score_args.readout_width$offset(),
            gavel_score_args.readout_class$offset(),
            gavel_score_args.readout_statistic$offset(),
            gavel_score_args.readout_objectives$offset(),
            gavel_score_args.gate_form$offset(),
            gavel_score_args.gate_temperature$offset(),
            gavel_score_args.gate_scale$offset(),
            gavel_score_args.readout_levels$offset(),
            gavel_score_args.readout_weights$offset(),
            gavel_score_args.gate_transform$offset(),
            gavel_score_args.gate$offset(),
            gavel_score_args.gate_index$offset());
    static final Offsets BACKWARD =
        new Offsets(
            gavel_backward_args.readout$offset(),
            gavel_backward_args.readout_mean$offset(),
            gavel_backward_args.readout_deviation$offset(),
            gavel_backward_args.readout_width$offset(),
            gavel_backward_args.readout_class$offset(),
            gavel_backward_args.readout_statistic$offset(),
            gavel_backward_args.readout_objectives$offset(),
            gavel_backward_args.gate_form$offset(),
            gavel_backward_args.gate_temperature$offset(),
            gavel_backward_args.gate_scale$offset(),
            gavel_backward_args.readout_levels$offset(),
            gavel_backward_args.readout_weights$offset(),
            gavel_backward_args.gate_transform$offset(),
            gavel_backward_args.gate$offset(),
            gavel_backward_args.gate_index$offset());

    long[] tensors() {
      return new long[] {levels, weights, transform, gateIndex};
    }

    /** Tensors that hold numbers of the readout itself. */
    long[] lists() {
      return new long[] {levels, weights, transform};
    }
  }

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

  private final MemorySegment struct;
  private final Offsets at;
  private final Values levels;
  private final Values weights;
  private final Values transform;
  private final TensorDescriptor gateIndex;
  private Readout written = Readout.identity();

  ReadoutArguments(Arena arena, MemorySegment struct, Offsets at) {
    this.struct = struct;
    this.at = at;
    this.levels = new Values(arena, TensorDescriptor.at(struct, at.levels()));
    this.weights = new Values(arena, TensorDescriptor.at(struct, at.weights()));
    this.transform = new Values(arena, TensorDescriptor.at(struct, at.transform()));
    this.gateIndex = TensorDescriptor.at(struct, at.gateIndex());
  }

  /** Numbers of a readout in native memory, which is kept from one readout to the next. */
  private static final class Values {
    private final Arena arena;
    private final TensorDescriptor descriptor;
    private MemorySegment memory = MemorySegment.NULL;

    Values(Arena arena, TensorDescriptor descriptor) {
      this.arena = arena;
      this.descriptor = descriptor;
    }

    void list(List<Float> values) {
      copy(values);
      descriptor.input(gavel_h.GAVEL_F32(), memory, values.size());
    }

    void square(List<Float> values) {
      copy(values);
      long rows = Math.round(Math.sqrt(values.size()));
      descriptor.input(gavel_h.GAVEL_F32(), memory, rows, rows, rows);
    }

    void clear() {
      descriptor.clear();
    }

    private void copy(List<Float> values) {
      long bytes = values.size() * FLOAT.byteSize();
      if (memory.byteSize() < bytes) {
        memory = arena.allocate(bytes, FLOAT.byteAlignment());
      }
      for (int i = 0; i < values.size(); i++) {
        memory.setAtIndex(FLOAT, i, values.get(i));
      }
    }
  }

  /** Says what the readout is; a gate's rows are said by {@link #gateRows}. */
  // The same object needs no look at its numbers; an equal one is written again.
  @SuppressWarnings("ReferenceEquality")
  void write(Readout readout) {
    if (readout == written) {
      return;
    }
    clear();
    integer(at.readout(), Codes.readout(readout));
    written = readout;
    switch (readout) {
      case Readout.Identity(), Readout.Sigmoid() -> {}
      case Readout.Affine(float mean, float deviation) -> {
        struct.set(FLOAT, at.mean(), mean);
        struct.set(FLOAT, at.deviation(), deviation);
      }
      case Readout.WeightedSum(List<Float> values, Readout made) -> {
        weights.list(values);
        objectives(made);
      }
      case Readout.GatedSum gated -> gate(gated);
      case Readout.ClassProb _, Readout.Expectation _, Readout.QuantileMean _ -> groups(readout);
    }
  }

  /** The row of the gate for every response, or none where the readout has no gate. */
  void gateRows(Readout readout, PackedBatch batch) {
    if (readout instanceof Readout.GatedSum) {
      gateIndex.input(gavel_h.GAVEL_I64(), batch.gate(), batch.responses());
    } else {
      gateIndex.clear();
    }
  }

  private void clear() {
    for (long offset :
        new long[] {at.wanted(), at.statistic(), at.objectives(), at.form(), at.readout()}) {
      integer(offset, 0);
    }
    for (long offset : new long[] {at.mean(), at.deviation(), at.temperature(), at.scale()}) {
      struct.set(FLOAT, offset, 0);
    }
    struct.set(ValueLayout.JAVA_LONG, at.width(), 0);
    struct.set(ValueLayout.ADDRESS, at.gate(), MemorySegment.NULL);
    levels.clear();
    weights.clear();
    transform.clear();
  }

  private void gate(Readout.GatedSum gated) {
    integer(at.form(), Codes.gate(gated.form()));
    struct.set(FLOAT, at.temperature(), gated.temperature());
    struct.set(FLOAT, at.scale(), gated.scale());
    struct.set(ValueLayout.ADDRESS, at.gate(), gated.gate().handle().address());
    if (!gated.transform().isEmpty()) {
      transform.square(gated.transform());
    }
    objectives(gated.objectives());
  }

  private void objectives(Readout made) {
    integer(at.objectives(), Codes.readout(made));
    groups(made);
  }

  private void groups(Readout readout) {
    switch (readout) {
      case Readout.ClassProb(int wanted, int classes) -> {
        width(classes);
        integer(at.wanted(), wanted);
      }
      case Readout.Expectation(List<Float> values, Readout.Statistic statistic) -> {
        width(values.size());
        integer(at.statistic(), Codes.statistic(statistic));
        levels.list(values);
      }
      case Readout.QuantileMean(int quantiles) -> width(quantiles);
      case Readout.Identity(),
          Readout.Sigmoid(),
          Readout.Affine _,
          Readout.WeightedSum _,
          Readout.GatedSum _ -> {}
    }
  }

  private void width(long logits) {
    struct.set(ValueLayout.JAVA_LONG, at.width(), logits);
  }

  private void integer(long offset, int value) {
    struct.set(ValueLayout.JAVA_INT, offset, value);
  }

  /** Makes the descriptor of hidden states [T, C H] one of [T, C, H], as EXPERT_CONCAT has them. */
  static void describeExperts(MemorySegment struct, long hidden, HeadSpec spec) {
    if (!(spec.kind() instanceof HeadSpec.Kind.ExpertConcat(int experts))) {
      return;
    }
    MemorySegment tensor = struct.asSlice(hidden, gavel_tensor.layout());
    long width = spec.inputWidth() / experts;
    gavel_tensor.rank(tensor, 3);
    gavel_tensor.shape(tensor, 1, experts);
    gavel_tensor.shape(tensor, 2, width);
    gavel_tensor.stride(tensor, 1, width);
    gavel_tensor.stride(tensor, 2, 1);
  }
}
