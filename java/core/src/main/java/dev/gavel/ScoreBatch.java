package dev.gavel;

import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;

/**
 * Where scores go, with the descriptors of the call: made once and used again for every batch, so
 * that a warmed-up score call allocates nothing on the Java heap. Scores are f32, one row of K per
 * response.
 *
 * <p>One call at a time: give every thread its own. A second call at the same time throws {@link
 * IllegalStateException}, as does closing it meanwhile.
 */
public final class ScoreBatch implements AutoCloseable {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final HeadSpec spec;
  private final int maxResponses;
  private final Arena arena;
  private final UseGuard guard;
  private final ScoreArguments arguments;
  private final Set<Extra> extras;
  private final MemorySegment scores;
  private final MemorySegment logits;
  private final MemorySegment vectors;
  private final MemorySegment preactivations;
  private final MemorySegment counts;
  private final MemorySegment objectives;
  private final MemorySegment gateWeights;
  private final MemorySegment gateLogits;
  private final MemorySegment gatePreactivations;
  private final ReadoutShape shape;
  private int responses;
  private int width;
  private Readout checked;
  private int checkedWidth;
  private boolean scored;

  /** What a score call can also return. */
  public enum Extra {
    /** Logits, f32 [R, K]: scores before the readout. */
    LOGITS,
    /** Vectors, f32 [R, D]: pooled, before the norm; 0 for invalid responses. */
    VECTORS,
    /**
     * Values of the hidden layers before their activation, f32 [R, sum of widths]: what the
     * backward pass needs.
     */
    PREACTIVATIONS,
    /** Objectives r, f32 [R, O], of a weighted or a gated sum, before a transform. */
    OBJECTIVES,
    /**
     * What multiplies the objectives in a gated sum, its scale included, f32 [R, O]; of two streams
     * the weight of the first, [R, 1]. 0 for invalid responses.
     */
    GATE_WEIGHTS,
    /** Logits of the gate, f32 [R, outputs of the gate]. */
    GATE_LOGITS,
    /** As {@link #PREACTIVATIONS}, of the gate. */
    GATE_PREACTIVATIONS
  }

  private ScoreBatch(
      Arena arena, HeadSpec spec, Readout readout, int maxResponses, Set<Extra> extras) {
    this.arena = arena;
    this.shape = ReadoutShape.of(spec, readout);
    this.checked = readout;
    this.checkedWidth = readout.scores(spec.outputWidth());
    this.spec = spec;
    this.maxResponses = maxResponses;
    this.extras = extras;
    this.guard = new UseGuard("score batch for %s".formatted(Counted.of(maxResponses, "response")));
    this.arguments = new ScoreArguments(arena);
    this.scores = floats(maxResponses, spec.outputWidth(), true);
    this.logits = extra(Extra.LOGITS, logitWidth());
    this.vectors = extra(Extra.VECTORS, vectorWidth());
    this.preactivations = extra(Extra.PREACTIVATIONS, preactivationWidth());
    this.objectives = extra(Extra.OBJECTIVES, shape.objectives());
    this.gateWeights = extra(Extra.GATE_WEIGHTS, shape.gateOutputs());
    this.gateLogits = extra(Extra.GATE_LOGITS, shape.gateOutputs());
    this.gatePreactivations = extra(Extra.GATE_PREACTIVATIONS, shape.gatePreactivationWidth());
    this.counts = arena.allocate(LONG, 2);
    arguments.counts(counts);
  }

  /**
   * Room for scores.
   *
   * @param spec spec of the heads it will be used with
   * @param maxResponses most responses of one call, 1 or more
   * @param extras what calls are to return besides the scores
   * @throws InvalidArgumentException if preactivations of a linear head are asked for: it has none
   */
  public static ScoreBatch allocate(HeadSpec spec, int maxResponses, Extra... extras) {
    return allocate(spec, Readout.identity(), maxResponses, extras);
  }

  /**
   * Room for scores, and for what calls with such a readout return besides them.
   *
   * @param spec spec of the heads it will be used with
   * @param readout as calls will read out; extras of its objectives and its gate have its shapes
   * @param maxResponses most responses of one call, 1 or more
   * @param extras what calls are to return besides the scores
   * @throws InvalidArgumentException if the readout or the head has nothing of what is asked for
   */
  public static ScoreBatch allocate(
      HeadSpec spec, Readout readout, int maxResponses, Extra... extras) {
    if (maxResponses < 1) {
      throw new InvalidArgumentException(
          "score batch: room for %d responses; it must be 1 or more".formatted(maxResponses));
    }
    Set<Extra> wanted = EnumSet.noneOf(Extra.class);
    wanted.addAll(Arrays.asList(extras));
    if (spec.isLinear() && wanted.contains(Extra.PREACTIVATIONS)) {
      throw new InvalidArgumentException(
          "score batch: preactivations of a linear head; it has no hidden layer, leave them out");
    }
    readout.scores(spec.outputWidth());
    ReadoutShape.of(spec, readout).requireExtras(wanted);
    return OwnedMemory.make(
        "a score batch for %s".formatted(Counted.of(maxResponses, "response")),
        memory -> new ScoreBatch(memory.arena(), spec, readout, maxResponses, wanted));
  }

  /** R, the responses of the last call. */
  public int responses() {
    requireScored();
    return responses;
  }

  /** S, the scores of a response in the last call. */
  public int width() {
    requireScored();
    return width;
  }

  /** Score of a response, of a readout that gives one. */
  public float score(int response) {
    return score(response, 0);
  }

  /** One of the scores of a response. */
  public float score(int response, int output) {
    requireScored();
    if (response < 0 || response >= responses || output < 0 || output >= width) {
      throw new IndexOutOfBoundsException(
          "response %d of %d, output %d of %d".formatted(response, responses, output, width));
    }
    return scores.getAtIndex(FLOAT, (long) response * width + output);
  }

  /** All scores, response by response. */
  public float[] toArray() {
    requireScored();
    float[] copy = new float[Math.multiplyExact(responses, width)];
    MemorySegment.copy(scores, FLOAT, 0, copy, 0, copy.length);
    return copy;
  }

  /** Scores, f32 [R, S]: a view, which changes with the next call and closes with this. */
  public HostTensor scores() {
    return view(scores, width);
  }

  /** Logits, f32 [R, K]: a view; needs {@link Extra#LOGITS}. */
  public HostTensor logits() {
    requireExtra(Extra.LOGITS);
    return view(logits, logitWidth());
  }

  /** Vectors, f32 [R, D]: a view; needs {@link Extra#VECTORS}. */
  public HostTensor vectors() {
    requireExtra(Extra.VECTORS);
    return view(vectors, vectorWidth());
  }

  /**
   * Values before the activations, f32 [R, sum of widths]: a view; needs {@link
   * Extra#PREACTIVATIONS}.
   */
  public HostTensor preactivations() {
    requireExtra(Extra.PREACTIVATIONS);
    return view(preactivations, preactivationWidth());
  }

  /** Objectives, f32 [R, O]: a view; needs {@link Extra#OBJECTIVES}. */
  public HostTensor objectives() {
    requireExtra(Extra.OBJECTIVES);
    return view(objectives, shape.objectives());
  }

  /** Weights of the objectives: a view; needs {@link Extra#GATE_WEIGHTS}. */
  public HostTensor gateWeights() {
    requireExtra(Extra.GATE_WEIGHTS);
    return view(gateWeights, shape.gateOutputs());
  }

  /** Logits of the gate: a view; needs {@link Extra#GATE_LOGITS}. */
  public HostTensor gateLogits() {
    requireExtra(Extra.GATE_LOGITS);
    return view(gateLogits, shape.gateOutputs());
  }

  /** Values before the gate's activations: a view; needs {@link Extra#GATE_PREACTIVATIONS}. */
  public HostTensor gatePreactivations() {
    requireExtra(Extra.GATE_PREACTIVATIONS);
    return view(gatePreactivations, shape.gatePreactivationWidth());
  }

  /** Responses without a row, whose scores are -infinity. */
  public long invalidResponses() {
    requireScored();
    return counts.getAtIndex(LONG, 0);
  }

  /** Responses with a NaN among their scores, because a hidden state of theirs was one. */
  public long nanResponses() {
    requireScored();
    return counts.getAtIndex(LONG, 1);
  }

  /** Frees the memory. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      arena.close();
    }
  }

  /** Begins a call of a head with this batch of responses; ended by {@link #end()}. */
  void begin(HeadSpec headSpec, PackedBatch batch, Pooling pooling, Readout readout) {
    if (!headSpec.equals(spec)) {
      throw new InvalidArgumentException(
          "score batch was made for another head: %s".formatted(headSpec.differences(spec)));
    }
    check(readout);
    int count = batch.items(pooling);
    if (count > maxResponses) {
      throw new InvalidArgumentException(
          "score batch has room for %s, the call has %d; allocate a larger one"
              .formatted(Counted.of(maxResponses, "response"), count));
    }
    guard.acquireExclusively();
    scored = false;
    try {
      responses = count;
      width = checkedWidth;
      arguments.input(batch, pooling, readout);
      arguments.scores(scores, count, checkedWidth);
      extraArguments(count);
    } catch (RuntimeException e) {
      guard.releaseExclusively();
      throw e;
    }
  }

  // The same object was checked before: a repeated call allocates nothing.
  @SuppressWarnings("ReferenceEquality")
  private void check(Readout readout) {
    if (readout == checked) {
      return;
    }
    int scoreWidth = readout.scores(spec.outputWidth());
    shape.requireSame(ReadoutShape.of(spec, readout), extras);
    checked = readout;
    checkedWidth = scoreWidth;
  }

  private void extraArguments(int count) {
    if (extras.contains(Extra.LOGITS)) {
      arguments.logits(logits, count, logitWidth());
    }
    if (extras.contains(Extra.VECTORS)) {
      arguments.vectors(vectors, count, vectorWidth());
    }
    if (extras.contains(Extra.PREACTIVATIONS)) {
      arguments.preactivations(preactivations, count, preactivationWidth());
    }
    if (extras.contains(Extra.OBJECTIVES)) {
      arguments.objectives(objectives, count, shape.objectives());
    }
    if (extras.contains(Extra.GATE_WEIGHTS)) {
      arguments.gateWeights(gateWeights, count, shape.gateOutputs());
    }
    if (extras.contains(Extra.GATE_LOGITS)) {
      arguments.gateLogits(gateLogits, count, shape.gateOutputs());
    }
    if (extras.contains(Extra.GATE_PREACTIVATIONS)) {
      arguments.gatePreactivations(gatePreactivations, count, shape.gatePreactivationWidth());
    }
  }

  /** Describes hidden states as the head takes them, just before the call. */
  void describeExperts() {
    arguments.describeExperts(spec);
  }

  private long logitWidth() {
    return (long) shape.streams() * spec.outputWidth();
  }

  private long vectorWidth() {
    return (long) shape.streams() * spec.inputWidth();
  }

  private long preactivationWidth() {
    return shape.streams() * spec.preactivationWidth();
  }

  private MemorySegment extra(Extra extra, long columns) {
    return floats(maxResponses, columns, extras.contains(extra));
  }

  MemorySegment struct() {
    return arguments.struct();
  }

  NativeError error() {
    return arguments.error();
  }

  /** Takes the call to the device, between {@link #begin} and {@link #end()}. */
  void stage(Staging staging) {
    arguments.stage(staging);
  }

  /** Marks the scores as there. */
  void finish() {
    scored = true;
  }

  void end() {
    guard.releaseExclusively();
  }

  private MemorySegment floats(long rows, long columns, boolean wanted) {
    return wanted ? arena.allocate(FLOAT, Math.multiplyExact(rows, columns)) : MemorySegment.NULL;
  }

  private HostTensor view(MemorySegment memory, long width) {
    requireScored();
    return HostTensor.view(DType.F32, memory, guard, responses, width);
  }

  boolean has(Extra extra) {
    return extras.contains(extra);
  }

  private void requireExtra(Extra extra) {
    if (!extras.contains(extra)) {
      throw new IllegalStateException(
          "score batch was made without %s; name it in allocate".formatted(extra));
    }
  }

  private void requireScored() {
    if (!guard.isOpen()) {
      throw new IllegalStateException("score batch is closed");
    }
    if (!scored) {
      throw new IllegalStateException("nothing was scored into this score batch yet");
    }
  }
}
