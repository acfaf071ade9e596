package dev.gavel;

import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Gradients of a head's parameters, f32, each in its parameter's shape. Made once and used again
 * for every step. Closing throws {@link IllegalStateException} while a call uses them.
 */
public final class Gradients implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  private final HeadSpec spec;
  private final Arena arena;
  private final UseGuard guard;
  private final MemorySegment[] values;
  private final MemorySegment outputs;
  private final MemorySegment inputs;

  private Gradients(Arena arena, HeadSpec spec) {
    this.arena = arena;
    List<HeadSpec.Parameter> parameters = spec.parameters();
    this.spec = spec;
    this.guard =
        new UseGuard("gradients of %s".formatted(Counted.of(parameters.size(), "parameter")));
    this.values = new MemorySegment[parameters.size()];
    // Two sets of descriptors: the backward pass writes what the optimizer reads.
    this.outputs = HeadParameters.descriptors(arena, parameters.size());
    this.inputs = HeadParameters.descriptors(arena, parameters.size());
    for (int i = 0; i < values.length; i++) {
      long elements = parameters.get(i).shape().stream().reduce(1L, Math::multiplyExact);
      values[i] = arena.allocate(ValueLayout.JAVA_FLOAT.byteSize() * elements, ALIGNMENT);
      HostTensor view = get(i);
      HeadParameters.output(TensorDescriptor.element(outputs, i), parameters.get(i), view);
      HeadParameters.input(TensorDescriptor.element(inputs, i), parameters.get(i), view);
    }
  }

  /** Zeros for every parameter of a spec. */
  public static Gradients zeros(HeadSpec spec) {
    return OwnedMemory.make("gradients of " + spec, memory -> new Gradients(memory.arena(), spec));
  }

  /** The spec whose parameters these are gradients of. */
  public HeadSpec spec() {
    return spec;
  }

  /**
   * Gradient of one parameter: a view, which changes with the next backward pass and closes with
   * this.
   *
   * @param name canonical name of the parameter
   */
  public HostTensor get(String name) {
    return get(HeadParameters.indexOf(spec, name));
  }

  private HostTensor get(int index) {
    long[] shape =
        spec.parameters().get(index).shape().stream().mapToLong(Long::longValue).toArray();
    return HostTensor.view(DType.F32, values[index], guard, shape);
  }

  /**
   * The square root of the sum of all squares, in double precision: what gradient clipping
   * compares.
   */
  public double norm() {
    guard.acquire();
    try {
      double sum = 0;
      for (MemorySegment segment : values) {
        long count = segment.byteSize() / Float.BYTES;
        for (long i = 0; i < count; i++) {
          double value = segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
          sum += value * value;
        }
      }
      return Math.sqrt(sum);
    } finally {
      guard.release();
    }
  }

  /** Multiplies every gradient by a factor, for clipping or for a mean over accumulated steps. */
  public void scale(float factor) {
    guard.acquireExclusively();
    try {
      for (MemorySegment segment : values) {
        long count = segment.byteSize() / Float.BYTES;
        for (long i = 0; i < count; i++) {
          segment.setAtIndex(
              ValueLayout.JAVA_FLOAT, i, factor * segment.getAtIndex(ValueLayout.JAVA_FLOAT, i));
        }
      }
    } finally {
      guard.releaseExclusively();
    }
  }

  /** Frees the memory. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      arena.close();
    }
  }

  /**
   * Begins a call that writes the gradients, ended by {@link #endWriting}; returns their
   * descriptors.
   */
  MemorySegment beginWriting() {
    guard.acquireExclusively();
    return outputs;
  }

  void endWriting() {
    guard.releaseExclusively();
  }

  /**
   * Begins a call that reads the gradients, ended by {@link #endReading}; returns their
   * descriptors.
   */
  MemorySegment beginReading() {
    guard.acquire();
    return inputs;
  }

  void endReading() {
    guard.release();
  }
}
