package dev.gavel;

import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_loss_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A loss on a device: a copy there of what a {@link Loss} says (its pairs, groups, targets,
 * weights), and memory there for its value, its items and its gradient. Made once, it serves every
 * batch with the same; it belongs to the stream it was made on, and work on another one must be
 * ordered with {@link Stream#waitFor}.
 *
 * <pre>{@code
 * head.score(batch, pooling, readout, scores, loss, stream);   // enqueued
 * loss.value().copyTo(onHost, stream);
 * stream.synchronize();
 * }</pre>
 */
public final class DeviceLoss implements AutoCloseable {
  private final DeviceMemory memory;
  private final Reduction reduction;
  private final LossArguments arguments = new LossArguments(Arena.ofAuto());
  private final List<DeviceTensor> inputs = new ArrayList<>();
  private final DeviceTensor value;
  private final DeviceTensor itemLoss;
  private final DeviceTensor gradient;
  private final DeviceTensor flatGradient;
  private final DeviceTensor counts;

  private DeviceLoss(Loss loss, long responses, int width, DeviceMemory memory) {
    this.memory = memory;
    this.reduction = loss.reduction();
    this.value = memory.floats(1);
    this.itemLoss = memory.floats(loss.items());
    this.gradient = memory.floats(responses, width);
    this.flatGradient =
        memory.keep(
            DeviceTensor.wrap(
                memory.stream().context(),
                DType.F32,
                gradient.address(),
                Math.multiplyExact(responses, (long) width)));
    this.counts = memory.allocate(DType.I64, 2);
    take(loss);
  }

  /**
   * Enqueues the copies to the device and returns at once. The loss's tensors are held open until
   * the stream was synchronized, and may be closed then.
   *
   * @param loss over N = responses x width scores
   * @param responses R
   * @param width S, scores of a response
   */
  public static DeviceLoss upload(Loss loss, long responses, int width, Stream stream) {
    DeviceMemory memory = new DeviceMemory(stream);
    try {
      return new DeviceLoss(loss, responses, width, memory);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  /**
   * Enqueues the loss and its gradient of scores that are there, and returns at once.
   *
   * @param scores f32 [N]
   */
  public void evaluate(DeviceTensor scores) {
    Stream stream = memory.stream();
    try (DeviceCall call = new DeviceCall(stream)) {
      MemorySegment struct = describe(call);
      call.tensor(struct, gavel_loss_args.scores$offset(), scores);
      gavel_loss_args.stream(struct, stream.handle().address());
      call.loss(struct);
    }
  }

  /** The reduced loss, f32 [1]; not written with {@link Reduction#NONE}. */
  public DeviceTensor value() {
    return value;
  }

  /** Loss of every item before reduction, f32 [items]; 0 where it is invalid. */
  public DeviceTensor itemLoss() {
    return itemLoss;
  }

  /** dL/dscore, f32 [R, S]. */
  public DeviceTensor gradient() {
    return gradient;
  }

  /** Items that counted, and items that did not, i64 [2]. */
  public DeviceTensor counts() {
    return counts;
  }

  /** Frees its memory behind what is enqueued. Closing again does nothing. */
  @Override
  public void close() {
    memory.close();
  }

  /** The {@code gavel_loss_args} inside a score call; holds its tensors open for the call. */
  MemorySegment describe(DeviceCall call) {
    MemorySegment struct = call.arena().allocate(gavel_loss_args.layout());
    struct.copyFrom(arguments.struct());
    int input = 0;
    for (long offset : LossArguments.inputs()) {
      if (gavel_tensor.dtype(struct.asSlice(offset, gavel_tensor.layout()))
          != gavel_h.GAVEL_NONE()) {
        call.tensor(struct, offset, inputs.get(input));
        input++;
      }
    }
    call.tensor(struct, gavel_loss_args.item_loss$offset(), itemLoss);
    call.tensor(struct, gavel_loss_args.dscore$offset(), flatGradient);
    call.tensor(struct, gavel_loss_args.counts$offset(), counts);
    if (reduction != Reduction.NONE) {
      call.tensor(struct, gavel_loss_args.loss$offset(), value);
    }
    return struct;
  }

  private void take(Loss loss) {
    arguments.bind(loss);
    try {
      for (long offset : LossArguments.inputs()) {
        MemorySegment place = arguments.struct().asSlice(offset, gavel_tensor.layout());
        if (gavel_tensor.dtype(place) != gavel_h.GAVEL_NONE()) {
          inputs.add(memory.copyOf(place));
        }
      }
      arguments.holdUntilDone(memory.stream());
    } finally {
      arguments.release();
    }
  }
}
