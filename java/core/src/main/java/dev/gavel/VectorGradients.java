package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.UseGuard;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Where a {@link Step} puts the gradients of the vectors that its head or its gate reads, and their
 * way back to the rows that those were made of.
 */
final class VectorGradients {
  /** What a vector is made of. */
  enum Origin {
    /** The batch's rows, by its pooling. */
    POOLED,
    /** The row of the gate. */
    GATE_ROW,
    /** The last row, and the row of the gate behind it. */
    LAST_AND_GATE_ROW
  }

  private final Origin origin;
  private final long width;
  private final MemorySegment memory;
  private final ScatterArguments arguments;
  private final NativeError error;
  private boolean done;

  /**
   * Room for gradients.
   *
   * @param columns numbers of a response
   */
  VectorGradients(Arena arena, Origin origin, int maxResponses, long columns) {
    this.origin = origin;
    this.width = origin == Origin.LAST_AND_GATE_ROW ? columns / 2 : columns;
    this.memory =
        arena.allocate(ValueLayout.JAVA_FLOAT, Math.multiplyExact((long) maxResponses, columns));
    this.arguments = new ScatterArguments(arena);
    this.error = new NativeError(arena);
  }

  /** Where a backward pass writes them; {@link #written} tells that it did. */
  MemorySegment memory() {
    return memory;
  }

  long columns() {
    return origin == Origin.LAST_AND_GATE_ROW ? 2 * width : width;
  }

  void written(boolean value) {
    done = value;
  }

  HostTensor view(UseGuard guard, int responses) {
    requireWritten();
    return HostTensor.view(DType.F32, memory, guard, responses, columns());
  }

  /** Adds their part to the gradient of the hidden states. */
  void scatter(Context context, ForwardPass forward, HostTensor hiddenGradient) {
    requireWritten();
    PackedBatch batch = forward.batch();
    String expected = Shapes.print(DType.F32, batch.rows(), batch.hidden().size(1));
    if (!hiddenGradient.toString().equals(expected)) {
      throw new InvalidTensorException(
          "gradient of the hidden states is %s; it must be %s".formatted(hiddenGradient, expected));
    }
    hiddenGradient.requireWritable();
    batch.acquire();
    try (Held held = new Held()) {
      HostTensor target = held.open(hiddenGradient);
      switch (origin) {
        case POOLED -> {
          arguments.pooled(batch, forward.pooling(), memory, width, width, target);
          run(context);
        }
        case GATE_ROW -> {
          arguments.gateRows(batch, memory, width, width, target);
          run(context);
        }
        case LAST_AND_GATE_ROW -> {
          arguments.pooled(batch, Pooling.index(), memory, width, 2 * width, target);
          run(context);
          MemorySegment behind = memory.asSlice(width * Float.BYTES);
          arguments.gateRows(batch, behind, width, 2 * width, target);
          run(context);
        }
      }
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      batch.release();
    }
  }

  private void requireWritten() {
    if (!done) {
      throw new IllegalStateException("there was no backward pass since the forward pass");
    }
  }

  private void run(Context context) {
    if (context.onCpu()) {
      Gavel.scatter(context.handle(), arguments.struct(), error);
      return;
    }
    try (Staging staging = context.stage()) {
      arguments.stage(staging);
      Gavel.scatter(context.handle(), arguments.struct(), error);
      staging.finish();
    }
  }
}
