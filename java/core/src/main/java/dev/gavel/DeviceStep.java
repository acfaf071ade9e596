package dev.gavel;

import dev.gavel.bindings.UseGuard;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A training step of a head on a CUDA stream, of tensors that lie on its device: what {@link Step}
 * is to host tensors. Every method enqueues and returns; what only the device can see is thrown by
 * {@link Stream#synchronize()}. Made once, it owns what a step needs on the device and serves every
 * batch of its size: fill one that has fewer responses up with rows of -1, which count for nothing.
 *
 * <pre>{@code
 * step.forward(batch, Pooling.index(), loss);
 * step.backward(loss.gradient(), Step.Accumulation.REPLACE);
 * optimizer.step(step);
 * }</pre>
 *
 * <p>One thread at a time; a second call at the same time throws {@link IllegalStateException}, as
 * does a backward pass after an optimizer step since its forward pass.
 */
public final class DeviceStep implements AutoCloseable {
  private final RewardHead head;
  private final Readout readout;
  private final DeviceMemory memory;
  private final UseGuard guard;
  private final DeviceCall.Outputs outputs;
  private final List<DeviceTensor> gradients = new ArrayList<>();
  private final Optional<DeviceTensor> vectorGradients;
  private Optional<Forward> last = Optional.empty();
  private boolean wentBack;

  /**
   * What a forward pass ran with.
   *
   * @param batch the batch
   * @param pooling the pooling
   * @param readout the readout
   * @param parameterVersion version of the head's parameters
   */
  record Forward(DeviceBatch batch, Pooling pooling, Readout readout, long parameterVersion) {}

  private DeviceStep(
      RewardHead head,
      Readout readout,
      int responses,
      DeviceMemory memory,
      List<Step.Extra> extras) {
    HeadSpec spec = head.spec();
    this.head = head;
    this.readout = readout;
    this.memory = memory;
    this.guard = new UseGuard("step for %d responses on a stream".formatted(responses));
    this.outputs =
        new DeviceCall.Outputs(
            memory.floats(responses, readout.scores(spec.outputWidth())),
            BackwardArguments.readsLogits(readout)
                ? Optional.of(memory.floats(responses, spec.outputWidth()))
                : Optional.empty(),
            spec.isLinear()
                ? Optional.empty()
                : Optional.of(memory.floats(responses, spec.preactivationWidth())));
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      gradients.add(memory.floats(parameter.shape().stream().mapToLong(Long::longValue).toArray()));
    }
    this.vectorGradients =
        extras.contains(Step.Extra.VECTOR_GRADIENTS)
            ? Optional.of(memory.floats(responses, spec.inputWidth()))
            : Optional.empty();
  }

  /**
   * Room for steps of a head, which it does not own, on the device.
   *
   * @param head the head to train
   * @param readout of every forward pass; one without a gate
   * @param responses R of every batch, 1 or more
   * @param stream where its work is enqueued; of a context of the head's device
   * @param extras what else steps are to do
   * @throws UnsupportedException if the readout has a gate
   */
  public static DeviceStep allocate(
      RewardHead head, Readout readout, int responses, Stream stream, Step.Extra... extras) {
    if (responses < 1) {
      throw new InvalidArgumentException(
          "step on a stream: %d responses; there must be 1 or more".formatted(responses));
    }
    List<Step.Extra> wanted = Arrays.asList(extras);
    if (readout instanceof Readout.GatedSum || wanted.contains(Step.Extra.GATE_VECTOR_GRADIENTS)) {
      throw new UnsupportedException(
          "a step on a stream with a gate; Step trains one, with tensors of the host");
    }
    DeviceMemory memory = new DeviceMemory(stream);
    try {
      return new DeviceStep(head, readout, responses, memory, wanted);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  /** Enqueues the scores of a batch, for a loss of your own. */
  public void forward(DeviceBatch batch, Pooling pooling) {
    forward(batch, pooling, Optional.empty());
  }

  /** Enqueues the scores of a batch and a loss of them. */
  public void forward(DeviceBatch batch, Pooling pooling, DeviceLoss loss) {
    forward(batch, pooling, Optional.of(loss));
  }

  /**
   * Enqueues the gradients of the last forward pass.
   *
   * @param scoreGradient f32 [R, S]: {@link DeviceLoss#gradient()}, or your own
   */
  public void backward(DeviceTensor scoreGradient, Step.Accumulation accumulation) {
    guard.acquireExclusively();
    try (DeviceCall call = DeviceCall.with(readout, stream())) {
      call.backward(this, current(), scoreGradient, accumulation == Step.Accumulation.ADD);
      wentBack = true;
    } finally {
      guard.releaseExclusively();
    }
  }

  /**
   * Enqueues adding the last backward pass's gradient of the hidden states to the caller's.
   *
   * @param hiddenGradient f32 [T, H]; added to, not overwritten
   * @throws IllegalStateException if the step was made without {@link Step.Extra#VECTOR_GRADIENTS},
   *     or there was no backward pass
   */
  public void scatter(DeviceTensor hiddenGradient) {
    guard.acquireExclusively();
    try (DeviceCall call = new DeviceCall(stream())) {
      Forward forward = current();
      call.scatter(forward, vectorGradients(), hiddenGradient);
    } finally {
      guard.releaseExclusively();
    }
  }

  /** Scores of the last forward pass, f32 [R, S]. */
  public DeviceTensor scores() {
    return outputs.scores();
  }

  /** Gradient of a parameter in the last backward pass, f32 in its shape. */
  public DeviceTensor gradient(String name) {
    return gradients.get(HeadParameters.indexOf(head.spec(), name));
  }

  /**
   * Gradients of the pooled vectors, f32 [R, D].
   *
   * @throws IllegalStateException if the step was made without {@link Step.Extra#VECTOR_GRADIENTS},
   *     or there was no backward pass
   */
  public DeviceTensor vectorGradients() {
    if (!wentBack) {
      throw new IllegalStateException("there was no backward pass since the forward pass");
    }
    return vectorGradients.orElseThrow(() ->
        new IllegalStateException("step was made without VECTOR_GRADIENTS; name it in allocate"));
  }

  /** The head that is trained. */
  public RewardHead head() {
    return head;
  }

  /** Frees its memory behind what is enqueued. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      memory.close();
    }
  }

  Stream stream() {
    return memory.stream();
  }

  DeviceCall.Outputs outputs() {
    return outputs;
  }

  Optional<DeviceTensor> wantedVectorGradients() {
    return vectorGradients;
  }

  /** Descriptors of all gradients, held open for the call. */
  MemorySegment describeGradients(DeviceCall call) {
    MemorySegment array = HeadParameters.descriptors(call.arena(), gradients.size());
    for (int i = 0; i < gradients.size(); i++) {
      call.tensor(array, i * gavel_tensor.layout().byteSize(), gradients.get(i));
    }
    return array;
  }

  private void forward(DeviceBatch batch, Pooling pooling, Optional<DeviceLoss> loss) {
    guard.acquireExclusively();
    try {
      last = Optional.empty();
      wentBack = false;
      Forward begun = new Forward(batch, pooling, readout, head.parameterVersion().get());
      DeviceCall.score(head, batch, pooling, readout, outputs, loss, stream());
      last = Optional.of(begun);
    } finally {
      guard.releaseExclusively();
    }
  }

  private Forward current() {
    Forward forward =
        last.orElseThrow(
            () -> new IllegalStateException("there was no forward pass to go back from"));
    if (head.parameterVersion().get() != forward.parameterVersion()) {
      throw new IllegalStateException(
          "an optimizer step was taken since the forward pass: run forward again");
    }
    return forward;
  }
}
