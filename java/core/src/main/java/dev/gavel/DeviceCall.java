package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_score_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One call on a stream, of tensors that lie on its device: enqueued, not waited for. The tensors
 * are held open while it is enqueued.
 */
final class DeviceCall implements AutoCloseable {
  private final Stream stream;
  private final Arena arena;
  private final NativeError error;
  private final List<DeviceTensor> held = new ArrayList<>();
  private final List<NativeHandle> buffers = new ArrayList<>();

  /**
   * Where the results of a score call go.
   *
   * @param scores f32 [R, S]
   * @param logits f32 [R, K], where they are wanted
   * @param preactivations f32 [R, sum of widths], where they are wanted
   * @param gate what is wanted of a gate
   */
  record Outputs(
      DeviceTensor scores,
      Optional<DeviceTensor> logits,
      Optional<DeviceTensor> preactivations,
      Optional<DeviceGate> gate) {
    Outputs(DeviceTensor scores) {
      this(scores, Optional.empty(), Optional.empty(), Optional.empty());
    }
  }

  DeviceCall(Stream stream) {
    this(stream, Arena.ofConfined());
  }

  private DeviceCall(Stream stream, Arena arena) {
    this.stream = stream;
    this.arena = arena;
    this.error = new NativeError(arena);
  }

  /**
   * A call with this readout. Numbers of its own are copied to the device after the call, and their
   * memory then ends in whatever thread waits for the stream; closing such memory takes longer than
   * enqueuing, so that calls without them have another.
   */
  static DeviceCall with(Readout readout, Stream stream) {
    Arena arena =
        switch (readout) {
          case Readout.Identity(),
              Readout.Affine _,
              Readout.Sigmoid(),
              Readout.ClassProb _,
              Readout.QuantileMean _ ->
              Arena.ofConfined();
          case Readout.Expectation _, Readout.WeightedSum _, Readout.GatedSum _ -> Arena.ofShared();
        };
    return new DeviceCall(stream, arena);
  }

  /** Enqueues a score call, with a loss or without. */
  static void score(
      RewardHead head,
      DeviceBatch batch,
      Pooling pooling,
      Readout readout,
      Outputs outputs,
      Optional<DeviceLoss> loss,
      Stream stream) {
    RewardHead.acquireGate(readout);
    try (DeviceCall call = with(readout, stream)) {
      ScoreArguments arguments = new ScoreArguments(call.arena);
      MemorySegment struct = arguments.struct();
      arguments.choices(pooling, readout);
      call.tensor(struct, gavel_score_args.hidden$offset(), batch.hidden());
      call.rows(
          struct, gavel_score_args.first$offset(), gavel_score_args.last$offset(), batch, pooling);
      call.readout(struct, ReadoutArguments.Offsets.SCORE, readout, batch);
      call.tensor(struct, gavel_score_args.scores$offset(), outputs.scores());
      call.tensor(struct, gavel_score_args.logits$offset(), outputs.logits());
      call.tensor(struct, gavel_score_args.preactivations$offset(), outputs.preactivations());
      if (outputs.gate().isPresent()) {
        DeviceGate gate = outputs.gate().get();
        call.tensor(struct, gavel_score_args.gate_logits$offset(), gate.logits());
        call.tensor(struct, gavel_score_args.gate_preactivations$offset(), gate.preactivations());
      }
      gavel_score_args.stream(struct, stream.handle().address());
      arguments.describeExperts(head.spec());
      MemorySegment described = MemorySegment.NULL;
      if (loss.isPresent()) {
        described = loss.get().describe(call);
      }
      Gavel.score(stream.context().handle(), head.handle(), struct, described, call.error);
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      RewardHead.releaseGate(readout);
    }
  }

  /** Enqueues the backward pass of a forward pass. */
  void backward(DeviceStep step, DeviceStep.Forward forward, DeviceTensor gradient, boolean add) {
    BackwardArguments arguments = new BackwardArguments(arena);
    MemorySegment struct = arguments.backward();
    Readout readout = forward.readout();
    RewardHead.acquireGate(readout);
    try {
      arguments.choices(forward.pooling(), readout, add);
      DeviceBatch batch = forward.batch();
      tensor(struct, gavel_backward_args.hidden$offset(), batch.hidden());
      rows(
          struct,
          gavel_backward_args.first$offset(),
          gavel_backward_args.last$offset(),
          batch,
          forward.pooling());
      readout(struct, ReadoutArguments.Offsets.BACKWARD, readout, batch);
      if (readout instanceof Readout.Sigmoid) {
        tensor(struct, gavel_backward_args.scores$offset(), step.scores());
      }
      DeviceCall.Outputs outputs = step.outputs();
      if (BackwardArguments.readsLogits(readout)) {
        tensor(struct, gavel_backward_args.logits$offset(), outputs.logits());
      }
      tensor(struct, gavel_backward_args.preactivations$offset(), outputs.preactivations());
      tensor(struct, gavel_backward_args.dscore$offset(), gradient);
      tensor(
          struct,
          gavel_backward_args.dvectors$offset(),
          step.wantedVectorGradients().map(DeviceVectorGradients::values));
      if (outputs.gate().isPresent()) {
        gate(struct, outputs.gate().get());
      }
      gavel_backward_args.stream(struct, stream.handle().address());
      arguments.describeExperts(step.head().spec());
      MemorySegment gradients = step.gradients().describe(this);
      Gavel.backward(stream.context().handle(), step.head().handle(), struct, gradients, error);
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      RewardHead.releaseGate(readout);
    }
  }

  private void gate(MemorySegment struct, DeviceGate gate) {
    tensor(struct, gavel_backward_args.gate_logits$offset(), gate.logits());
    tensor(struct, gavel_backward_args.gate_preactivations$offset(), gate.preactivations());
    tensor(struct, gavel_backward_args.dgate_scale$offset(), gate.scaleGradient());
    tensor(
        struct,
        gavel_backward_args.dgate_vectors$offset(),
        gate.vectorGradients().map(DeviceVectorGradients::values));
    gavel_backward_args.gate_gradients(struct, gate.gradients().describe(this));
    gavel_backward_args.gate_gradient_count(struct, gate.gradients().spec().parameters().size());
  }

  /**
   * Enqueues the way of gradients of vectors back to the rows they were pooled from.
   *
   * @param vectors f32 with a row for each response
   * @param from column where the vectors begin
   * @param width columns of a vector
   */
  void scatter(
      DeviceBatch batch,
      Pooling pooling,
      DeviceTensor vectors,
      long from,
      long width,
      DeviceTensor hidden) {
    ScatterArguments arguments = new ScatterArguments(arena);
    MemorySegment struct = arguments.struct();
    arguments.choices(pooling);
    rows(
        struct,
        gavel_scatter_args.first$offset(),
        gavel_scatter_args.last$offset(),
        batch,
        pooling);
    tensor(struct, gavel_scatter_args.dvectors$offset(), vectors);
    MemorySegment described =
        struct.asSlice(gavel_scatter_args.dvectors$offset(), gavel_tensor.layout());
    long skipped = from * Float.BYTES;
    gavel_tensor.shape(described, 1, width);
    gavel_tensor.data(
        described, MemorySegment.ofAddress(gavel_tensor.data(described).address() + skipped));
    gavel_tensor.byte_length(described, gavel_tensor.byte_length(described) - skipped);
    tensor(struct, gavel_scatter_args.dhidden$offset(), hidden);
    gavel_scatter_args.stream(struct, stream.handle().address());
    try {
      Gavel.scatter(stream.context().handle(), struct, error);
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /** Enqueues a loss of scores that are there. */
  void loss(MemorySegment struct) {
    try {
      Gavel.loss(stream.context().handle(), struct, error);
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /** Enqueues a step of an optimizer. */
  void optimizerStep(NativeHandle optimizer, MemorySegment gradients, float learningRate) {
    try {
      Gavel.optimizerStep(optimizer, gradients, learningRate, stream.handle().address(), error);
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /** Native memory for the length of the call. */
  Arena arena() {
    return arena;
  }

  Stream stream() {
    return stream;
  }

  /** Holds a tensor open and puts its descriptor into a struct. */
  void tensor(MemorySegment struct, long offset, DeviceTensor tensor) {
    MemorySegment described = tensor.acquire();
    held.add(tensor);
    struct.asSlice(offset, gavel_tensor.layout()).copyFrom(described);
  }

  /** The same, where there is one. */
  void tensor(MemorySegment struct, long offset, Optional<DeviceTensor> tensor) {
    if (tensor.isPresent()) {
      tensor(struct, offset, tensor.get());
    }
  }

  private void rows(
      MemorySegment struct, long first, long last, DeviceBatch batch, Pooling pooling) {
    if (pooling instanceof Pooling.All) {
      return;
    }
    tensor(struct, last, batch.last());
    if (!(pooling instanceof Pooling.Index)) {
      tensor(struct, first, batch.first());
    }
  }

  private void readout(
      MemorySegment struct, ReadoutArguments.Offsets at, Readout readout, DeviceBatch batch) {
    for (long offset : at.lists()) {
      take(struct.asSlice(offset, gavel_tensor.layout()));
    }
    if (!(readout instanceof Readout.GatedSum)) {
      return;
    }
    tensor(struct, at.gateIndex(), batch.atGate().last());
  }

  // The numbers of a readout lie in this call's own memory, which stays until they are copied; the
  // buffer is freed behind the call.
  private void take(MemorySegment place) {
    if (gavel_tensor.dtype(place) == gavel_h.GAVEL_NONE()) {
      return;
    }
    NativeHandle context = stream.context().handle();
    MemorySegment queue = stream.handle().address();
    NativeHandle buffer =
        Gavel.bufferCreate(
            context, gavel_h.GAVEL_CUDA(), gavel_tensor.byte_length(place), queue, error);
    buffers.add(buffer);
    MemorySegment there = arena.allocate(gavel_tensor.layout());
    there.copyFrom(place);
    gavel_tensor.device_type(there, gavel_h.GAVEL_CUDA());
    gavel_tensor.device_id(there, Context.deviceIndex(stream.context()));
    gavel_tensor.data(there, Gavel.bufferData(buffer));
    Gavel.copy(context, place, there, queue, error);
    place.copyFrom(there);
  }

  @Override
  public void close() {
    held.forEach(DeviceTensor::release);
    if (buffers.isEmpty()) {
      arena.close();
      return;
    }
    buffers.forEach(NativeHandle::close);
    stream.later(arena::close);
  }
}
