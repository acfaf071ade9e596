package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * One training step of a head: forward pass with loss, backward pass into gradients, and where a
 * backbone is trained too, the gradient of the hidden states. Made once, it owns everything the
 * step needs; each {@link #forward} begins the next step.
 *
 * <pre>{@code
 * step.forward(batch, Pooling.index(), Readout.identity(), Loss.bradleyTerry(pairs));
 * step.backward();
 * optimizer.step(step.gradients());
 * }</pre>
 *
 * <p>One thread at a time; a second call at the same time throws {@link IllegalStateException}. A
 * backward pass throws the same where the batch was refilled, or an optimizer step was taken, since
 * its forward pass: its gradients would belong to neither.
 */
public final class Step implements AutoCloseable {
  private final RewardHead head;
  private final int maxResponses;
  private final Arena arena;
  private final UseGuard guard;
  private final ScoreBatch scores;
  private final LossResult loss;
  private final Gradients gradients;
  private final BackwardArguments arguments;
  private final NativeError error;
  private final Optional<VectorGradients> vectorGradients;
  private final Optional<GateGradients> gate;
  private final Optional<VectorGradients> gateVectorGradients;
  private Optional<ForwardPass> last = Optional.empty();

  /** What a step can do besides the gradients of the parameters. */
  public enum Extra {
    /**
     * Gradients of the pooled vectors, for {@link #scatter}; costs one more product with every
     * weight matrix.
     */
    VECTOR_GRADIENTS,
    /**
     * Gradients of the vectors that a gate reads, for {@link #scatterGate}. Without it the gate
     * does not reach the backbone, as BiPRM detaches it.
     */
    GATE_VECTOR_GRADIENTS
  }

  /** What becomes of the gradients that are there already. */
  public enum Accumulation {
    /** They are overwritten. */
    REPLACE,
    /** The new ones are added, for batches in several pieces. */
    ADD
  }

  private Step(
      OwnedMemory memory,
      RewardHead head,
      Readout readout,
      int maxResponses,
      int maxScores,
      int maxItems,
      List<Extra> extras) {
    HeadSpec spec = head.spec();
    this.arena = memory.arena();
    this.head = head;
    this.maxResponses = maxResponses;
    this.guard = new UseGuard("step for %s".formatted(Counted.of(maxResponses, "response")));
    this.scores = ScoreBatch.allocate(spec, readout, maxResponses, ForwardPass.kept(spec, readout));
    memory.add(scores::close);
    this.loss = LossResult.allocate(maxScores, maxItems);
    memory.add(loss::close);
    this.gradients = Gradients.zeros(spec);
    memory.add(gradients::close);
    this.arguments = new BackwardArguments(arena);
    this.error = new NativeError(arena);
    Optional<Readout.GatedSum> gated =
        readout instanceof Readout.GatedSum of ? Optional.of(of) : Optional.empty();
    boolean twoStreams = gated.map(Readout.GatedSum::twoStreams).orElse(false);
    VectorGradients.Origin both = VectorGradients.Origin.LAST_AND_GATE_ROW;
    this.vectorGradients =
        extras.contains(Extra.VECTOR_GRADIENTS)
            ? Optional.of(
                new VectorGradients(
                    arena,
                    twoStreams ? both : VectorGradients.Origin.POOLED,
                    maxResponses,
                    (twoStreams ? 2L : 1L) * spec.inputWidth()))
            : Optional.empty();
    this.gate = gated.map(of -> new GateGradients(arena, of));
    gate.ifPresent(of -> memory.add(of::close));
    this.gateVectorGradients =
        extras.contains(Extra.GATE_VECTOR_GRADIENTS)
            ? gated.map(of ->
                new VectorGradients(
                    arena,
                    twoStreams ? both : VectorGradients.Origin.GATE_ROW,
                    maxResponses,
                    of.gate().spec().inputWidth()))
            : Optional.empty();
  }

  /**
   * Room for steps of a head, which it does not own.
   *
   * @param head the head to train
   * @param maxResponses most responses of one batch, 1 or more
   * @param maxItems most items (pairs, groups or scores) of one loss, 1 or more
   * @param extras what else steps are to do
   */
  public static Step allocate(RewardHead head, int maxResponses, int maxItems, Extra... extras) {
    return allocate(head, Readout.identity(), maxResponses, maxItems, extras);
  }

  /**
   * Room for steps with a readout. Identity, affine and sigmoid need not be named here; any other
   * readout must be the one of the forward passes, since what the backward pass needs of those
   * depends on it. With a gate the backward pass also computes {@link #gateGradients()}.
   *
   * @throws InvalidArgumentException if there is room for less than 1 response or item, for 2^31
   *     scores or more, or the readout has nothing of what an extra asks for
   */
  public static Step allocate(
      RewardHead head, Readout readout, int maxResponses, int maxItems, Extra... extras) {
    if (maxResponses < 1 || maxItems < 1) {
      throw new InvalidArgumentException(
          "step: room for %s and %s; both must be 1 or more"
              .formatted(Counted.of(maxResponses, "response"), Counted.of(maxItems, "item")));
    }
    List<Extra> wanted = Arrays.asList(extras);
    long maxScores = (long) maxResponses * readout.scores(head.spec().outputWidth());
    if (maxScores > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "step: room for %s is room for %s; there can be at most %d"
              .formatted(
                  Counted.of(maxResponses, "response"),
                  Counted.of(maxScores, "score"),
                  Integer.MAX_VALUE));
    }
    requireExtras(readout, wanted);
    return OwnedMemory.make(
        "a step for %s and %s"
            .formatted(Counted.of(maxResponses, "response"), Counted.of(maxItems, "item")),
        memory -> new Step(memory, head, readout, maxResponses, (int) maxScores, maxItems, wanted));
  }

  /**
   * Scores a batch, for a loss of your own: go on with {@link #backward(HostTensor, Accumulation)}.
   */
  public void forward(PackedBatch batch, Pooling pooling, Readout readout) {
    guard.acquireExclusively();
    try {
      last = Optional.empty();
      ForwardPass begun = begin(batch, pooling, readout, false);
      head.score(batch, pooling, readout, scores);
      last = Optional.of(begun);
    } finally {
      guard.releaseExclusively();
    }
  }

  /** Scores a batch and computes the loss of its scores: go on with {@link #backward()}. */
  public void forward(PackedBatch batch, Pooling pooling, Readout readout, Loss of) {
    guard.acquireExclusively();
    try {
      last = Optional.empty();
      ForwardPass begun = begin(batch, pooling, readout, true);
      head.score(batch, pooling, readout, scores, of, loss);
      last = Optional.of(begun);
    } finally {
      guard.releaseExclusively();
    }
  }

  /**
   * Computes the gradients of the last forward pass's loss; those that are there are overwritten.
   */
  public void backward() {
    backward(Accumulation.REPLACE);
  }

  /**
   * Computes the gradients of the last forward pass's loss.
   *
   * @throws IllegalStateException if that pass had no loss
   */
  public void backward(Accumulation accumulation) {
    guard.acquireExclusively();
    try {
      ForwardPass forward = current();
      if (!forward.withLoss()) {
        throw new IllegalStateException(
            "the forward pass had no loss: give dL/dscore to backward(HostTensor, Accumulation)");
      }
      backward(forward, loss.gradient(), accumulation);
    } finally {
      guard.releaseExclusively();
    }
  }

  /**
   * Computes gradients from the caller's own dL/dscore.
   *
   * @param scoreGradient f32 [R, S]
   * @throws InvalidTensorException if it is of another type or shape
   */
  public void backward(HostTensor scoreGradient, Accumulation accumulation) {
    guard.acquireExclusively();
    try {
      ForwardPass forward = current();
      String expected =
          Shapes.print(
              DType.F32, forward.items(), forward.readout().scores(head.spec().outputWidth()));
      if (!scoreGradient.toString().equals(expected)) {
        throw new InvalidTensorException(
            "gradient of the scores is %s; it must be %s".formatted(scoreGradient, expected));
      }
      backward(forward, scoreGradient, accumulation);
    } finally {
      guard.releaseExclusively();
    }
  }

  /**
   * Adds the last backward pass's gradient of the hidden states to the caller's: the transpose of
   * the pooling applied to the gradient of the vectors. Rows that several responses share receive
   * the sum.
   *
   * @param hiddenGradient f32 [T, H], T and H of the batch; added to, not overwritten
   * @throws IllegalStateException if the step was made without {@link Extra#VECTOR_GRADIENTS}, or
   *     there was no backward pass
   */
  public void scatter(HostTensor hiddenGradient) {
    scatter(() -> require(vectorGradients, Extra.VECTOR_GRADIENTS), hiddenGradient);
  }

  /**
   * Adds the gate's part of the last backward pass's gradient of the hidden states to the caller's:
   * that of the rows the gate reads.
   *
   * @param hiddenGradient f32 [T, H], T and H of the batch; added to, not overwritten
   * @throws IllegalStateException if the step was made without {@link Extra#GATE_VECTOR_GRADIENTS},
   *     or there was no backward pass
   */
  public void scatterGate(HostTensor hiddenGradient) {
    scatter(() -> require(gateVectorGradients, Extra.GATE_VECTOR_GRADIENTS), hiddenGradient);
  }

  /** Scores of the last forward pass. */
  public ScoreBatch scores() {
    return scores;
  }

  /** Loss of the last forward pass. */
  public LossResult loss() {
    return loss;
  }

  /** Gradients of the last backward pass. */
  public Gradients gradients() {
    return gradients;
  }

  /**
   * Gradients of the gate's parameters: a view, which changes with the next backward pass and
   * closes with this. The gate's own optimizer takes them.
   *
   * @throws IllegalStateException if the step was made without a gate
   */
  public Gradients gateGradients() {
    return requireGate().gradients();
  }

  /**
   * Gradient of the gate's scale.
   *
   * @throws IllegalStateException if the step was made without a gate, or with one over two streams
   */
  public float gateScaleGradient() {
    return requireGate().scale();
  }

  private GateGradients requireGate() {
    return gate.orElseThrow(
        () -> new IllegalStateException("step was made without a gate; name it in allocate"));
  }

  /**
   * Gradients of the pooled vectors, f32 [R, D], or [R, 2D] with a gate over two streams: a view,
   * which changes with the next backward pass and closes with this.
   *
   * @throws IllegalStateException if the step was made without {@link Extra#VECTOR_GRADIENTS}, or
   *     there was no backward pass
   */
  public HostTensor vectorGradients() {
    ForwardPass forward = current();
    return require(vectorGradients, Extra.VECTOR_GRADIENTS).view(guard, forward.items());
  }

  /**
   * Gradients of the vectors the gate reads, f32 [R, H], or [R, 2H] with a gate over two streams
   * (of the last row, then of the gate's): a view, which changes with the next backward pass and
   * closes with this. Nothing of it is in {@link #vectorGradients()}.
   *
   * @throws IllegalStateException if the step was made without {@link Extra#GATE_VECTOR_GRADIENTS},
   *     or there was no backward pass
   */
  public HostTensor gateVectorGradients() {
    ForwardPass forward = current();
    return require(gateVectorGradients, Extra.GATE_VECTOR_GRADIENTS).view(guard, forward.items());
  }

  /** Frees everything the step owns. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      scores.close();
      loss.close();
      gradients.close();
      gate.ifPresent(GateGradients::close);
      arena.close();
    }
  }

  private ForwardPass begin(PackedBatch batch, Pooling pooling, Readout readout, boolean withLoss) {
    written(false);
    int items = batch.items(pooling);
    if (items > maxResponses) {
      throw new InvalidArgumentException(
          "step has room for %s, the call has %d; allocate a larger one"
              .formatted(Counted.of(maxResponses, "response"), items));
    }
    requireReadout(readout);
    return ForwardPass.begin(head, batch, pooling, readout, withLoss);
  }

  /** Refuses extras that a readout has not. */
  static void requireExtras(Readout readout, List<Extra> wanted) {
    if (wanted.contains(Extra.GATE_VECTOR_GRADIENTS) && !(readout instanceof Readout.GatedSum)) {
      throw new InvalidArgumentException(
          "step: GATE_VECTOR_GRADIENTS with %s; only a readout with a gate has them"
              .formatted(readout));
    }
  }

  private void written(boolean value) {
    vectorGradients.ifPresent(of -> of.written(value));
    gateVectorGradients.ifPresent(of -> of.written(value));
  }

  /** What an extra has made, or a refusal that names it. */
  static <T> T require(Optional<T> gradients, Extra extra) {
    return gradients.orElseThrow(() ->
        new IllegalStateException(
            "step was made without %s; name it in allocate".formatted(extra)));
  }

  private ForwardPass current() {
    ForwardPass forward =
        last.orElseThrow(
            () -> new IllegalStateException("there was no forward pass to go back from"));
    forward.requireCurrent(head);
    return forward;
  }

  private void backward(ForwardPass forward, HostTensor scoreGradient, Accumulation accumulation) {
    PackedBatch batch = forward.batch();
    batch.acquire();
    try (Held held = new Held()) {
      arguments.input(
          batch, forward.pooling(), forward.readout(), accumulation == Accumulation.ADD);
      arguments.scores(held.open(scores.scores()), forward.readout());
      arguments.scoreGradient(held.open(scoreGradient));
      if (BackwardArguments.readsLogits(forward.readout())) {
        arguments.logits(held.open(scores.logits()), forward.readout());
      }
      if (!head.spec().isLinear()) {
        arguments.preactivations(held.open(scores.preactivations()));
      }
      vectorGradients.ifPresent(
          of -> arguments.vectorGradient(of.memory(), forward.items(), of.columns()));
      gateVectorGradients.ifPresent(
          of -> arguments.gateVectorGradient(of.memory(), forward.items(), of.columns()));
      RewardHead.acquireGate(forward.readout());
      try {
        gate.ifPresent(of -> of.begin(arguments, scores, held));
        write(accumulation);
      } finally {
        RewardHead.releaseGate(forward.readout());
      }
      written(true);
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      batch.release();
    }
  }

  private void write(Accumulation accumulation) {
    try {
      MemorySegment outputs = gradients.beginWriting();
      try {
        run(outputs, accumulation == Accumulation.ADD);
      } finally {
        gradients.endWriting();
      }
    } finally {
      gate.ifPresent(GateGradients::end);
    }
  }

  private void run(MemorySegment outputs, boolean add) {
    Context context = head.context();
    if (context.onCpu()) {
      arguments.describeExperts(head.spec());
      Gavel.backward(context.handle(), head.handle(), arguments.backward(), outputs, error);
      return;
    }
    try (Staging staging = context.stage()) {
      arguments.stageBackward(staging);
      arguments.describeExperts(head.spec());
      staging.array(outputs, add, true);
      gate.ifPresent(of -> of.stage(staging, add));
      Gavel.backward(context.handle(), head.handle(), arguments.backward(), outputs, error);
      staging.finish();
    }
  }

  private void scatter(Supplier<VectorGradients> gradients, HostTensor hiddenGradient) {
    guard.acquireExclusively();
    try {
      ForwardPass forward = current();
      gradients.get().scatter(head.context(), forward, hiddenGradient);
    } finally {
      guard.releaseExclusively();
    }
  }

  private void requireReadout(Readout readout) {
    boolean same =
        BackwardArguments.readsLogits(readout) == scores.has(ScoreBatch.Extra.LOGITS)
            && gate.map(of -> of.readout().sharesGateWith(readout))
                .orElse(!(readout instanceof Readout.GatedSum));
    if (!same) {
      throw new InvalidArgumentException(
          "step was made for another readout than %s; name it in allocate".formatted(readout));
    }
  }
}
