package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Optional;

/**
 * Log-probabilities of tokens, scores of spans of them, and their gradient: made once and used
 * again for every call, so that a warmed-up call allocates nothing on the Java heap.
 *
 * <pre>{@code
 * TokenLogprob implicit = TokenLogprob.sum().withReference(reference).withLogRatio(0.05f);
 * scores.score(context, TokenSource.hidden(vocabulary, states, targets), spans, implicit, Loss.bce(labels), result);
 * scores.backward(result);
 * }</pre>
 *
 * <p>The bits of a log-probability depend on its own row, the vocabulary and their types: not on
 * the other rows, the number of threads or the instruction set. A CUDA context takes the tensors to
 * its device and the results back; from the same logits it gives the bits of the CPU.
 *
 * <p>One call at a time: give every thread its own. A second call at the same time throws {@link
 * IllegalStateException}, as does closing it meanwhile.
 */
public final class TokenScores implements AutoCloseable {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final int maxRows;
  private final int maxSpans;
  private final Arena arena;
  private final UseGuard guard;
  private final TokenLogprobArguments arguments;
  private final MemorySegment logprobs;
  private final MemorySegment gradient;
  private final MemorySegment first;
  private final MemorySegment last;
  private final MemorySegment scores;
  private final MemorySegment counts;
  private int rows;
  private int spans;
  private boolean computed;
  private Optional<TokenLogprob> scoredBy = Optional.empty();
  private Optional<Context> scoredOn = Optional.empty();
  private boolean gradientDone;

  private TokenScores(Arena arena, int maxRows, int maxSpans) {
    this.arena = arena;
    this.maxRows = maxRows;
    this.maxSpans = maxSpans;
    this.guard =
        new UseGuard(
            "token scores for %s, %s"
                .formatted(Counted.of(maxRows, "row"), Counted.of(maxSpans, "span")));
    this.arguments = new TokenLogprobArguments(arena);
    this.logprobs = arena.allocate(FLOAT, maxRows);
    this.gradient = arena.allocate(FLOAT, maxRows);
    this.first = arena.allocate(LONG, maxSpans);
    this.last = arena.allocate(LONG, maxSpans);
    this.scores = arena.allocate(FLOAT, maxSpans);
    this.counts = arena.allocate(LONG, 2);
  }

  /**
   * Room for log-probabilities and scores.
   *
   * @param maxRows most rows of one call, 1 or more
   * @param maxSpans most spans of one call, 1 or more
   * @throws InvalidArgumentException if either is less than 1
   */
  public static TokenScores allocate(int maxRows, int maxSpans) {
    if (maxRows < 1 || maxSpans < 1) {
      throw new InvalidArgumentException(
          "token scores: room for %s and %s; both must be 1 or more"
              .formatted(Counted.of(maxRows, "row"), Counted.of(maxSpans, "span")));
    }
    return OwnedMemory.make(
        "token scores for %s and %s"
            .formatted(Counted.of(maxRows, "row"), Counted.of(maxSpans, "span")),
        memory -> new TokenScores(memory.arena(), maxRows, maxSpans));
  }

  /** Computes the log-probability of every row; {@link TokenSource.Given} has them already. */
  public void compute(Context context, TokenSource source) {
    compute(context, source, Optional.empty());
  }

  /**
   * Computes the log-probabilities of the rows that a mask lets through; the others are 0.
   *
   * @param mask u8 [T]: 0 where a row is left out
   */
  public void compute(Context context, TokenSource source, HostTensor mask) {
    TokenSource.requireVector("mask", mask, DType.U8, source.rows());
    compute(context, source, Optional.of(mask));
  }

  /**
   * Computes the log-probabilities that the spans need, and the score of each span.
   *
   * @param of spans of rows; they may overlap
   */
  public void score(Context context, TokenSource source, Spans of, TokenLogprob how) {
    call(context, source, of, how, MemorySegment.NULL);
  }

  /**
   * Scores spans and computes a loss of the scores in the same call. Invalid spans do not take part
   * in it.
   *
   * @param loss over the scores of these spans
   * @param result receives the loss and its gradient
   */
  public void score(
      Context context,
      TokenSource source,
      Spans of,
      TokenLogprob how,
      Loss loss,
      LossResult result) {
    MemorySegment lossArguments = result.begin(loss, of.size(), 1);
    try {
      call(context, source, of, how, lossArguments);
      result.finish();
    } finally {
      result.end();
    }
  }

  /** Computes the gradient of the log-probabilities from a loss of the last call's scores. */
  public void backward(LossResult result) {
    backward(result.gradient());
  }

  /**
   * Computes the gradient of the log-probabilities of the last call, whose mask and reference must
   * be as they were.
   *
   * @param scoreGradient dL/dscore, f32 with one value per span
   * @throws InvalidTensorException if it is of another type or size
   */
  public void backward(HostTensor scoreGradient) {
    guard.acquireExclusively();
    try {
      requireScored();
      TokenLogprob how = scoredBy.orElseThrow();
      if (scoreGradient.dtype() != DType.F32 || scoreGradient.elementCount() != spans) {
        throw new InvalidTensorException(
            "gradient of the scores is %s; it must be %s"
                .formatted(scoreGradient, Shapes.print(DType.F32, spans)));
      }
      gradientDone = false;
      arguments.backward(how, first, last, spans, logprobs, rows, scoreGradient, gradient);
      runBackward(scoredOn.orElseThrow());
      gradientDone = true;
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      arguments.release();
      guard.releaseExclusively();
    }
  }

  /** T, the rows of the last call. */
  public int rows() {
    requireComputed();
    return rows;
  }

  /** Log-probability of a row's token; 0 for a row that no span needed, or that was masked. */
  public float logprob(int row) {
    requireComputed();
    return logprobs.getAtIndex(FLOAT, checked(row, rows, "row"));
  }

  /** Log-probabilities, f32 [T]: a view, which changes with the next call and closes with this. */
  public HostTensor logprobs() {
    requireComputed();
    return HostTensor.view(DType.F32, logprobs, guard, rows);
  }

  /** R, the spans of the last call. */
  public int spans() {
    requireScored();
    return spans;
  }

  /** Score of a span. */
  public float score(int span) {
    requireScored();
    return scores.getAtIndex(FLOAT, checked(span, spans, "span"));
  }

  /** All scores, span by span. */
  public float[] toArray() {
    requireScored();
    float[] copy = new float[spans];
    MemorySegment.copy(scores, FLOAT, 0, copy, 0, copy.length);
    return copy;
  }

  /** Spans without a row that the mask lets through, whose scores are -infinity. */
  public long invalidSpans() {
    requireScored();
    return counts.getAtIndex(LONG, 0);
  }

  /** Spans whose score is NaN. */
  public long nanSpans() {
    requireScored();
    return counts.getAtIndex(LONG, 1);
  }

  /** dL/d log p of a row. */
  public float gradient(int row) {
    requireGradient();
    return gradient.getAtIndex(FLOAT, checked(row, rows, "row"));
  }

  /** dL/d log p, f32 [T]: a view, which changes with the next call and closes with this. */
  public HostTensor gradient() {
    requireGradient();
    return HostTensor.view(DType.F32, gradient, guard, rows);
  }

  /** Frees the memory. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      arena.close();
    }
  }

  private void compute(Context context, TokenSource source, Optional<HostTensor> mask) {
    if (source instanceof TokenSource.Given) {
      throw new InvalidArgumentException(
          "log-probabilities that are given need not be computed; score spans of them");
    }
    begin(source, 0);
    scoredBy = Optional.empty();
    try {
      arguments.source(source, logprobs);
      arguments.withoutSpans(mask);
      run(context, source, MemorySegment.NULL);
    } finally {
      end();
    }
  }

  private void call(
      Context context, TokenSource source, Spans of, TokenLogprob how, MemorySegment loss) {
    if (how.mask().isPresent()) {
      TokenSource.requireVector("mask", how.mask().get(), DType.U8, source.rows());
    }
    if (how.reference().isPresent()) {
      TokenSource.requireVector(
          "log-probabilities of the reference", how.reference().get(), DType.F32, source.rows());
    }
    begin(source, of.size());
    try {
      for (int i = 0; i < spans; i++) {
        first.setAtIndex(LONG, i, of.first(i));
        last.setAtIndex(LONG, i, of.last(i));
      }
      arguments.source(source, logprobs);
      arguments.spans(how, first, last, spans, scores, counts);
      run(context, source, loss);
      // Kept only where they are others, so that a repeated call allocates nothing.
      if (scoredBy.isEmpty() || !scoredBy.get().equals(how)) {
        scoredBy = Optional.of(how);
      }
      if (scoredOn.isEmpty() || scoredOn.get() != context) {
        scoredOn = Optional.of(context);
      }
    } finally {
      end();
    }
  }

  private void begin(TokenSource source, int wanted) {
    if (source.rows() > maxRows || wanted > maxSpans) {
      throw new InvalidArgumentException(
          "token scores have room for %s and %s, the call has %d and %d; allocate larger ones"
              .formatted(
                  Counted.of(maxRows, "row"), Counted.of(maxSpans, "span"), source.rows(), wanted));
    }
    guard.acquireExclusively();
    computed = false;
    gradientDone = false;
    rows = (int) source.rows();
    spans = wanted;
  }

  private void run(Context context, TokenSource source, MemorySegment loss) {
    MemorySegment vocabulary =
        source instanceof TokenSource.Hidden hidden
            ? hidden.vocabulary().handle().address()
            : MemorySegment.NULL;
    try {
      if (context.onCpu()) {
        Gavel.tokenLogprob(
            context.handle(), vocabulary, arguments.struct(), loss, arguments.error());
      } else {
        runOnDevice(context, vocabulary, loss);
      }
      computed = true;
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      Reference.reachabilityFence(source);
    }
  }

  private void runOnDevice(Context context, MemorySegment vocabulary, MemorySegment loss) {
    try (Staging staging = context.stage()) {
      arguments.stage(staging);
      if (loss.address() != 0) {
        LossArguments.stage(staging, loss);
      }
      Gavel.tokenLogprob(context.handle(), vocabulary, arguments.struct(), loss, arguments.error());
      staging.finish();
    }
  }

  private void runBackward(Context context) {
    if (context.onCpu()) {
      Gavel.tokenLogprobBackward(context.handle(), arguments.backward(), arguments.error());
      return;
    }
    try (Staging staging = context.stage()) {
      arguments.stageBackward(staging);
      Gavel.tokenLogprobBackward(context.handle(), arguments.backward(), arguments.error());
      staging.finish();
    }
  }

  private void end() {
    arguments.release();
    guard.releaseExclusively();
  }

  private void requireComputed() {
    if (!guard.isOpen()) {
      throw new IllegalStateException("token scores are closed");
    }
    if (!computed) {
      throw new IllegalStateException("no log-probability was computed into these yet");
    }
  }

  private void requireScored() {
    requireComputed();
    if (scoredBy.isEmpty()) {
      throw new IllegalStateException("log-probabilities were computed, but no span was scored");
    }
  }

  private void requireGradient() {
    requireComputed();
    if (!gradientDone) {
      throw new IllegalStateException("there was no backward pass since the last call");
    }
  }

  private static long checked(int index, int count, String what) {
    if (index < 0 || index >= count) {
      throw new IndexOutOfBoundsException("%s %d of %d".formatted(what, index, count));
    }
    return index;
  }
}
