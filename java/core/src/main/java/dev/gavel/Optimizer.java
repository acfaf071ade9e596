package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.UseGuard;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_optimizer_options;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Trains one head: AdamW with f32 master weights and moments, which start as the head's parameters
 * and as 0.
 *
 * <p>One thread at a time; a second call at the same time throws {@link IllegalStateException}. A
 * step excludes every other use of the head: whoever meets it gets {@link BusyException}, and so
 * does the step that meets a running score. Closing the optimizer leaves the head as it is.
 */
public final class Optimizer implements AutoCloseable {
  private final RewardHead head;
  private final AdamW options;
  private final NativeHandle handle;
  private final Arena arena = Arena.ofShared();
  private final UseGuard guard;
  private final NativeError error = new NativeError(arena);

  /** What the optimizer keeps of every parameter, f32 in the parameter's shape. */
  enum State {
    MASTER,
    FIRST_MOMENT,
    SECOND_MOMENT;

    /** The number the C header has for it. */
    int code() {
      return switch (this) {
        case MASTER -> gavel_h.GAVEL_OPTIMIZER_MASTER();
        case FIRST_MOMENT -> gavel_h.GAVEL_OPTIMIZER_FIRST_MOMENT();
        case SECOND_MOMENT -> gavel_h.GAVEL_OPTIMIZER_SECOND_MOMENT();
      };
    }
  }

  private Optimizer(RewardHead head, AdamW options, NativeHandle handle) {
    this.head = head;
    this.options = options;
    this.handle = handle;
    this.guard = new UseGuard(handle.name());
  }

  /** An optimizer for a head, which it does not own. */
  public static Optimizer create(RewardHead head, AdamW options) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment struct = NativeStruct.allocate(scratch, gavel_optimizer_options.layout());
      gavel_optimizer_options.learning_rate(struct, options.learningRate());
      gavel_optimizer_options.beta1(struct, options.beta1());
      gavel_optimizer_options.beta2(struct, options.beta2());
      gavel_optimizer_options.epsilon(struct, options.epsilon());
      gavel_optimizer_options.matrix_weight_decay(struct, options.matrixWeightDecay());
      gavel_optimizer_options.vector_weight_decay(struct, options.vectorWeightDecay());
      NativeHandle handle = Gavel.optimizerCreate(head.handle(), struct, new NativeError(scratch));
      return new Optimizer(head, options, handle);
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /** The settings. */
  public AdamW options() {
    return options;
  }

  /** The head that is trained. */
  public RewardHead head() {
    return head;
  }

  /** Takes one step at the settings' learning rate. */
  public void step(Gradients gradients) {
    step(gradients, options.learningRate());
  }

  /**
   * Takes one step; then the head's parameters are the masters, rounded to nearest even.
   *
   * @param gradients of this head's spec
   * @param learningRate 0 or more
   * @throws InvalidArgumentException if a gradient is not finite; nothing changes then
   * @throws BusyException if a call is using the head
   */
  public void step(Gradients gradients, float learningRate) {
    AdamW.require("learning rate of a step", learningRate, learningRate >= 0, "0 or more");
    requireSpec(gradients.spec());
    guard.acquireExclusively();
    try {
      MemorySegment descriptors = gradients.beginReading();
      try {
        if (head.context().onCpu()) {
          Gavel.optimizerStep(handle, descriptors, learningRate, MemorySegment.NULL, error);
        } else {
          try (Staging staging = head.context().stage()) {
            staging.array(descriptors, true, false);
            Gavel.optimizerStep(handle, descriptors, learningRate, staging.stream(), error);
            staging.finish();
          }
        }
        head.parameterVersion().incrementAndGet();
      } finally {
        gradients.endReading();
      }
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      guard.releaseExclusively();
    }
  }

  /** Enqueues one step with gradients on a device, at the settings' learning rate. */
  public void step(DeviceGradients gradients) {
    step(gradients, options.learningRate());
  }

  /**
   * Enqueues one step on the stream of its gradients and returns at once. A gradient that is not
   * finite changes nothing; {@link Stream#synchronize()} then throws what was found.
   *
   * @param gradients of this head's spec
   * @param learningRate 0 or more
   * @throws BusyException if a call is using the head
   */
  public void step(DeviceGradients gradients, float learningRate) {
    AdamW.require("learning rate of a step", learningRate, learningRate >= 0, "0 or more");
    requireSpec(gradients.spec());
    guard.acquireExclusively();
    try (DeviceCall call = new DeviceCall(gradients.stream())) {
      call.optimizerStep(handle, gradients.describe(call), learningRate);
      head.parameterVersion().incrementAndGet();
    } finally {
      guard.releaseExclusively();
    }
  }

  /** Steps taken, those before a {@link #restore} included. */
  public long stepCount() {
    guard.acquire();
    try {
      return Gavel.optimizerStepCount(handle);
    } finally {
      guard.release();
    }
  }

  /**
   * Saves masters, moments and the number of steps as one safetensors file, whole or not at all:
   * with {@link #restore} a run goes on with the same bits.
   *
   * @throws FileException if it cannot be written
   */
  public void save(Path path) {
    OptimizerFile.save(this, path);
  }

  /**
   * Takes over what {@link #save} wrote, and with it the head's parameters. Nothing changes where
   * the file does not fit the head.
   *
   * @throws FormatException if the file does not hold the state of a head of this spec
   */
  public void restore(Path path) {
    OptimizerFile.restore(this, path);
  }

  /** Destroys the optimizer. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      handle.close();
      arena.close();
    }
  }

  NativeHandle handle() {
    return handle;
  }

  /** A copy of a state of one parameter; the caller closes it. */
  HostTensor read(State state, int index) {
    HeadSpec.Parameter parameter = head.spec().parameters().get(index);
    HostTensor values = HeadParameters.allocate(parameter, DType.F32);
    guard.acquireExclusively();
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment struct = scratch.allocate(gavel_tensor.layout());
      HeadParameters.output(TensorDescriptor.at(struct, 0), parameter, values);
      Gavel.optimizerRead(handle, state.code(), index, struct, error);
      return values;
    } catch (NativeException e) {
      values.close();
      throw Failures.of(e);
    } catch (RuntimeException e) {
      values.close();
      throw e;
    } finally {
      guard.releaseExclusively();
    }
  }

  /** Replaces a state of one parameter. */
  void write(State state, int index, HostTensor values) {
    HeadSpec.Parameter parameter = head.spec().parameters().get(index);
    guard.acquireExclusively();
    try (Arena scratch = Arena.ofConfined();
        Held held = new Held()) {
      MemorySegment struct = scratch.allocate(gavel_tensor.layout());
      HeadParameters.input(TensorDescriptor.at(struct, 0), parameter, held.open(values));
      Gavel.optimizerWrite(handle, state.code(), index, struct, error);
      head.parameterVersion().incrementAndGet();
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      guard.releaseExclusively();
    }
  }

  void setStepCount(long count) {
    guard.acquireExclusively();
    try {
      Gavel.optimizerSetStepCount(handle, count, error);
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      guard.releaseExclusively();
    }
  }

  private void requireSpec(HeadSpec found) {
    if (!found.equals(head.spec())) {
      throw new InvalidArgumentException(
          "gradients are of %s, the head is %s".formatted(found, head.spec()));
    }
  }
}
