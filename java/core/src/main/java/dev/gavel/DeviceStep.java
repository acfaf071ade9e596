package dev.gavel;

import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
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
 * step.forward(batch, Pooling.index(), Readout.identity(), loss);
 * step.backward(loss.gradient(), Step.Accumulation.REPLACE);
 * optimizer.step(step.gradients());
 * }</pre>
 *
 * <p>The tensors it gives out are views, which change with the next pass and close with it. One
 * thread at a time; a second call at the same time throws {@link IllegalStateException}, as does a
 * backward pass after an optimizer step since its forward pass.
 */
public final class DeviceStep implements AutoCloseable {
  private final RewardHead head;
  private final int scoreWidth;
  private final DeviceMemory memory;
  private final UseGuard guard;
  private final DeviceCall.Outputs outputs;
  private final DeviceGradients gradients;
  private final Optional<DeviceVectorGradients> vectorGradients;
  private Optional<Forward> last = Optional.empty();
  private boolean wentBack;

  /**
   * What a forward pass ran with.
   *
   * @param batch the batch
   * @param pooling the pooling
   * @param readout the readout
   * @param parameterVersion version of the head's parameters
   * @param gateVersion the same of the readout's gate, 0 without one
   */
  record Forward(
      DeviceBatch batch,
      Pooling pooling,
      Readout readout,
      long parameterVersion,
      long gateVersion) {}

  private DeviceStep(
      RewardHead head,
      Readout readout,
      int responses,
      DeviceMemory memory,
      List<Step.Extra> extras) {
    HeadSpec spec = head.spec();
    Optional<Readout.GatedSum> gated =
        readout instanceof Readout.GatedSum of ? Optional.of(of) : Optional.empty();
    long streams = ReadoutShape.of(spec, readout).streams();
    this.head = head;
    this.scoreWidth = readout.scores(spec.outputWidth());
    this.memory = memory;
    this.guard =
        new UseGuard("step for %s on a stream".formatted(Counted.of(responses, "response")));
    this.outputs =
        new DeviceCall.Outputs(
            memory.floats(responses, scoreWidth),
            BackwardArguments.readsLogits(readout)
                ? Optional.of(memory.floats(responses, streams * spec.outputWidth()))
                : Optional.empty(),
            spec.isLinear()
                ? Optional.empty()
                : Optional.of(memory.floats(responses, streams * spec.preactivationWidth())),
            gated.map(of ->
                DeviceGate.allocate(
                    memory, of, responses, extras.contains(Step.Extra.GATE_VECTOR_GRADIENTS))));
    this.gradients = new DeviceGradients(spec, memory);
    this.vectorGradients =
        extras.contains(Step.Extra.VECTOR_GRADIENTS)
            ? Optional.of(
                DeviceVectorGradients.allocate(
                    memory,
                    streams == 2
                        ? VectorGradients.Origin.LAST_AND_GATE_ROW
                        : VectorGradients.Origin.POOLED,
                    responses,
                    streams * spec.inputWidth()))
            : Optional.empty();
  }

  /**
   * Room for steps of a head, which it does not own, on the device.
   *
   * @param head the head to train
   * @param readout as of the forward passes; its numbers may be others there, a gate's scale among
   *     them. With a gate the backward pass also computes {@link #gateGradients()}
   * @param responses R of every batch, 1 or more
   * @param stream where its work is enqueued; of a context of the head's device
   * @param extras what else steps are to do
   * @throws InvalidArgumentException if there is no response, or the readout has nothing of what an
   *     extra asks for
   */
  public static DeviceStep allocate(
      RewardHead head, Readout readout, int responses, Stream stream, Step.Extra... extras) {
    if (responses < 1) {
      throw new InvalidArgumentException(
          "step on a stream: %d responses; there must be 1 or more".formatted(responses));
    }
    List<Step.Extra> wanted = Arrays.asList(extras);
    Step.requireExtras(readout, wanted);
    DeviceMemory memory = new DeviceMemory(stream);
    try {
      return new DeviceStep(head, readout, responses, memory, wanted);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  /** Enqueues the scores of a batch, for a loss of your own. */
  public void forward(DeviceBatch batch, Pooling pooling, Readout readout) {
    forward(batch, pooling, readout, Optional.empty());
  }

  /** Enqueues the scores of a batch and a loss of them. */
  public void forward(DeviceBatch batch, Pooling pooling, Readout readout, DeviceLoss loss) {
    forward(batch, pooling, readout, Optional.of(loss));
  }

  /**
   * Enqueues the gradients of the last forward pass.
   *
   * @param scoreGradient f32 [R, S]: {@link DeviceLoss#gradient()}, or your own
   */
  public void backward(DeviceTensor scoreGradient, Step.Accumulation accumulation) {
    guard.acquireExclusively();
    try {
      Forward forward = current();
      try (DeviceCall call = DeviceCall.with(forward.readout(), stream())) {
        call.backward(this, forward, scoreGradient, accumulation == Step.Accumulation.ADD);
      }
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
    scatter(vectorGradients, Step.Extra.VECTOR_GRADIENTS, hiddenGradient);
  }

  /**
   * Enqueues adding the gate's part of the last backward pass's gradient of the hidden states to
   * the caller's: that of the rows the gate reads.
   *
   * @param hiddenGradient f32 [T, H]; added to, not overwritten
   * @throws IllegalStateException if the step was made without {@link
   *     Step.Extra#GATE_VECTOR_GRADIENTS}, or there was no backward pass
   */
  public void scatterGate(DeviceTensor hiddenGradient) {
    scatter(gateVectors(), Step.Extra.GATE_VECTOR_GRADIENTS, hiddenGradient);
  }

  /** Scores of the last forward pass, f32 [R, S]. */
  public DeviceTensor scores() {
    return outputs.scores();
  }

  /** Gradients of the last backward pass; the head's optimizer takes them. */
  public DeviceGradients gradients() {
    return gradients;
  }

  /**
   * Gradients of the gate's parameters; the gate's own optimizer takes them.
   *
   * @throws IllegalStateException if the step was made without a gate
   */
  public DeviceGradients gateGradients() {
    return requireGate().gradients();
  }

  /**
   * Gradient of the gate's scale, f32 [1].
   *
   * @throws IllegalStateException if the step was made without a gate, or with one over two streams
   */
  public DeviceTensor gateScaleGradient() {
    return requireGate()
        .scaleGradient()
        .orElseThrow(() -> new IllegalStateException("a gate over two streams has no scale"));
  }

  /**
   * Gradients of the pooled vectors, f32 [R, D], or [R, 2D] with a gate over two streams.
   *
   * @throws IllegalStateException if the step was made without {@link Step.Extra#VECTOR_GRADIENTS},
   *     or there was no backward pass
   */
  public DeviceTensor vectorGradients() {
    return require(vectorGradients, Step.Extra.VECTOR_GRADIENTS).values();
  }

  /**
   * Gradients of the vectors the gate reads, f32 [R, H], or [R, 2H] with a gate over two streams
   * (of the last row, then of the gate's). Nothing of it is in {@link #vectorGradients()}.
   *
   * @throws IllegalStateException if the step was made without {@link
   *     Step.Extra#GATE_VECTOR_GRADIENTS}, or there was no backward pass
   */
  public DeviceTensor gateVectorGradients() {
    return require(gateVectors(), Step.Extra.GATE_VECTOR_GRADIENTS).values();
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

  DeviceCall.Outputs outputs() {
    return outputs;
  }

  Optional<DeviceVectorGradients> wantedVectorGradients() {
    return vectorGradients;
  }

  private Stream stream() {
    return memory.stream();
  }

  private Optional<DeviceVectorGradients> gateVectors() {
    return outputs.gate().flatMap(DeviceGate::vectorGradients);
  }

  private DeviceGate requireGate() {
    return outputs
        .gate()
        .orElseThrow(
            () -> new IllegalStateException("step was made without a gate; name it in allocate"));
  }

  private DeviceVectorGradients require(Optional<DeviceVectorGradients> wanted, Step.Extra extra) {
    DeviceVectorGradients found = Step.require(wanted, extra);
    if (!wentBack) {
      throw new IllegalStateException("there was no backward pass since the forward pass");
    }
    return found;
  }

  private void scatter(
      Optional<DeviceVectorGradients> wanted, Step.Extra extra, DeviceTensor hiddenGradient) {
    guard.acquireExclusively();
    try (DeviceCall call = new DeviceCall(stream())) {
      require(wanted, extra).scatter(call, current(), hiddenGradient);
    } finally {
      guard.releaseExclusively();
    }
  }

  private void forward(
      DeviceBatch batch, Pooling pooling, Readout readout, Optional<DeviceLoss> loss) {
    requireReadout(readout);
    guard.acquireExclusively();
    try {
      last = Optional.empty();
      wentBack = false;
      Forward begun =
          new Forward(
              batch,
              pooling,
              readout,
              head.parameterVersion().get(),
              ForwardPass.gateVersion(readout));
      DeviceCall.score(head, batch, pooling, readout, outputs, loss, stream());
      last = Optional.of(begun);
    } finally {
      guard.releaseExclusively();
    }
  }

  private void requireReadout(Readout readout) {
    boolean same =
        readout.scores(head.spec().outputWidth()) == scoreWidth
            && BackwardArguments.readsLogits(readout) == outputs.logits().isPresent()
            && outputs
                .gate()
                .map(of -> of.readout().sharesGateWith(readout))
                .orElse(!(readout instanceof Readout.GatedSum));
    if (!same) {
      throw new InvalidArgumentException(
          "step was made for another readout than %s; name it in allocate".formatted(readout));
    }
  }

  private Forward current() {
    Forward forward =
        last.orElseThrow(
            () -> new IllegalStateException("there was no forward pass to go back from"));
    if (head.parameterVersion().get() != forward.parameterVersion()
        || ForwardPass.gateVersion(forward.readout()) != forward.gateVersion()) {
      throw new IllegalStateException(
          "an optimizer step was taken since the forward pass: run forward again");
    }
    return forward;
  }
}
