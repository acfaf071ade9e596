package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes one call on host tensors to a CUDA device: copies its inputs there, lets the call run on a
 * stream, copies its outputs back and waits. Stream and buffers are kept by the context from one
 * call to the next; one call at a time uses them.
 *
 * <pre>{@code
 * try (Staging staging = context.stage()) {
 *   staging.struct(args, INPUTS, OUTPUTS);
 *   staging.stream(args, gavel_score_args.stream$offset());
 *   Gavel.score(...);
 *   staging.finish();
 * }
 * }</pre>
 *
 * Closing puts the host's descriptors back where the device's stood.
 */
final class Staging implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger("dev.gavel");

  private final Context context;
  private final int device;
  private final NativeHandle stream;
  private final Arena arena = Arena.ofShared();
  private final NativeError error = new NativeError(arena);
  private final List<Slot> slots = new ArrayList<>();
  private final List<MemorySegment> streamFields = new ArrayList<>();
  private int used;
  private boolean finished = true;

  /**
   * One tensor: what the caller described, where that stood, and the memory that takes its place.
   */
  private static final class Slot {
    final MemorySegment host;
    final MemorySegment onDevice;
    MemorySegment place = MemorySegment.NULL;
    boolean output;
    long capacity;
    NativeHandle buffer;

    Slot(Arena arena, long capacity, NativeHandle buffer) {
      this.capacity = capacity;
      this.host = arena.allocate(gavel_tensor.layout());
      this.onDevice = arena.allocate(gavel_tensor.layout());
      this.buffer = buffer;
    }
  }

  Staging(Context context, int device, NativeHandle stream) {
    this.context = context;
    this.device = device;
    this.stream = stream;
  }

  /** Takes tensors of a struct to the device, by their offsets; absent ones stay absent. */
  void struct(MemorySegment struct, long[] inputs, long[] outputs) {
    for (long offset : inputs) {
      tensor(struct.asSlice(offset, gavel_tensor.layout()), true, false);
    }
    for (long offset : outputs) {
      tensor(struct.asSlice(offset, gavel_tensor.layout()), false, true);
    }
  }

  /** Takes an array of descriptors to the device. */
  void array(MemorySegment descriptors, boolean input, boolean output) {
    long size = gavel_tensor.layout().byteSize();
    for (long at = 0; at < descriptors.byteSize(); at += size) {
      tensor(descriptors.asSlice(at, gavel_tensor.layout()), input, output);
    }
  }

  /**
   * Takes one tensor to the device: copied there where it is input, and back where it is output.
   */
  void tensor(MemorySegment place, boolean input, boolean output) {
    if (gavel_tensor.dtype(place) == gavel_h.GAVEL_NONE()) {
      return;
    }
    finished = false;
    long bytes = gavel_tensor.byte_length(place);
    Slot slot = slot(bytes);
    slot.host.copyFrom(place);
    slot.onDevice.copyFrom(place);
    gavel_tensor.device_type(slot.onDevice, gavel_h.GAVEL_CUDA());
    gavel_tensor.device_id(slot.onDevice, device);
    gavel_tensor.data(slot.onDevice, Gavel.bufferData(slot.buffer));
    gavel_tensor.byte_length(slot.onDevice, bytes);
    if (input) {
      Gavel.copy(context.handle(), slot.host, slot.onDevice, stream.address(), error);
    }
    slot.output = output;
    slot.place = place;
    used++;
    place.copyFrom(slot.onDevice);
  }

  /** Writes the stream into a struct. */
  void stream(MemorySegment struct, long offset) {
    MemorySegment field = struct.asSlice(offset, ValueLayout.ADDRESS);
    field.set(ValueLayout.ADDRESS, 0, stream.address());
    streamFields.add(field);
  }

  /** The stream, for functions that take it as an argument. */
  MemorySegment stream() {
    return stream.address();
  }

  /** Copies the outputs back and waits; throws what only the device could see. */
  void finish() {
    for (Slot slot : slots.subList(0, used)) {
      if (slot.output) {
        Gavel.copy(context.handle(), slot.onDevice, slot.host, stream.address(), error);
      }
    }
    finished = true;
    Gavel.streamSynchronize(stream, error);
  }

  /** Ends the call, and keeps stream and buffers for the next one. */
  @Override
  public void close() {
    if (!finished) {
      waitAfterFailure();
    }
    for (Slot slot : slots.subList(0, used)) {
      slot.place.copyFrom(slot.host);
    }
    streamFields.forEach(field -> field.set(ValueLayout.ADDRESS, 0, MemorySegment.NULL));
    streamFields.clear();
    used = 0;
    context.unstage(this);
  }

  // What was enqueued before a call failed may not touch the caller's memory afterwards, nor leave
  // its fault to the next call.
  private void waitAfterFailure() {
    finished = true;
    try {
      Gavel.streamSynchronize(stream, error);
    } catch (NativeException | IllegalStateException e) {
      LOGGER.log(Level.DEBUG, "waiting for a stream after a failed call", e);
    }
  }

  /** Gives stream and buffers back. */
  void destroy() {
    slots.forEach(slot -> slot.buffer.close());
    stream.close();
    arena.close();
  }

  private Slot slot(long bytes) {
    if (used == slots.size()) {
      slots.add(new Slot(arena, bytes, buffer(bytes)));
    }
    Slot slot = slots.get(used);
    if (slot.capacity < bytes) {
      NativeHandle larger = buffer(bytes);
      slot.buffer.close();
      slot.buffer = larger;
      slot.capacity = bytes;
    }
    return slot;
  }

  private NativeHandle buffer(long bytes) {
    return Gavel.bufferCreate(
        context.handle(), gavel_h.GAVEL_CUDA(), bytes, stream.address(), error);
  }
}
