package dev.gavel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** Where a {@link Step} puts the gradients of its readout's gate. */
final class GateGradients implements AutoCloseable {
  private final Readout.GatedSum readout;
  private final Gradients gradients;
  private final MemorySegment scale;
  private MemorySegment written = MemorySegment.NULL;

  GateGradients(Arena arena, Readout.GatedSum readout) {
    this.readout = readout;
    this.gradients = Gradients.zeros(readout.gate().spec());
    this.scale = arena.allocate(ValueLayout.JAVA_FLOAT);
  }

  Gradients gradients() {
    return gradients;
  }

  float scale() {
    if (readout.twoStreams()) {
      throw new IllegalStateException("a gate over two streams has no scale");
    }
    return scale.get(ValueLayout.JAVA_FLOAT, 0);
  }

  Readout.GatedSum readout() {
    return readout;
  }

  /**
   * Takes the gradients of its parameters to the device, between {@link #begin} and {@link #end}.
   */
  void stage(Staging staging, boolean add) {
    staging.array(written, add, true);
  }

  /** Begins a backward call that writes them, ended by {@link #end()}. */
  void begin(BackwardArguments arguments, ScoreBatch scores, Held held) {
    boolean inner = !readout.gate().spec().isLinear();
    written = gradients.beginWriting();
    arguments.gate(
        held.open(scores.gateLogits()),
        inner ? Optional.of(held.open(scores.gatePreactivations())) : Optional.empty(),
        written,
        readout.gate().spec().parameters().size());
    if (!readout.twoStreams()) {
      arguments.gateScaleGradient(scale);
    }
  }

  void end() {
    gradients.endWriting();
  }

  @Override
  public void close() {
    gradients.close();
  }
}
