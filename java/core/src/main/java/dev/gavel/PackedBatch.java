package dev.gavel;

import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Supplier;

/**
 * Hidden states of one or several sequences, packed in one tensor [T, H] without padding, and the
 * rows of every response in it.
 *
 * <p>Filled in order: {@link #refill}, then per prompt {@link #group}, per sequence of it {@link
 * #sequence}, per response of that {@link #response}, then {@link #seal}. Everything is checked
 * then, once; a sealed batch may be scored as often as wanted and by many threads at once.
 * Refilling again allocates nothing. In layout {@link Layout#JOINT} a sequence holds one or more
 * responses (a group too long for one pass has several sequences), in {@link Layout#INDEPENDENT}
 * exactly one.
 *
 * <p>Owns its row numbers, borrows the hidden states: their tensor must stay open, and its content
 * unchanged, while the batch is scored. Closing and refilling throw {@link IllegalStateException}
 * while a call uses the batch. One thread at a time may fill it.
 */
public final class PackedBatch implements AutoCloseable {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final Layout layout;
  private final HostTensor numbers;
  private final UseGuard guard;
  private final MemorySegment first;
  private final MemorySegment last;
  private final MemorySegment offsets;
  private final MemorySegment gate;
  private final BatchFill fill;
  private HostTensor hidden;
  private long rows;
  private boolean sealed;
  private boolean gated;
  private int gateRowsGiven;
  private long version;

  private PackedBatch(Layout layout, HostTensor hidden, int maxResponses) {
    this.layout = layout;
    this.hidden = hidden;
    this.guard =
        new UseGuard("packed batch for %s".formatted(Counted.of(maxResponses, "response")));
    this.numbers = HostTensor.allocate(DType.I64, 4L * maxResponses + 1);
    long bytes = LONG.byteSize() * maxResponses;
    this.first = numbers.segment().asSlice(0, bytes);
    this.last = numbers.segment().asSlice(bytes, bytes);
    this.gate = numbers.segment().asSlice(2 * bytes, bytes);
    this.offsets = numbers.segment().asSlice(3 * bytes);
    this.fill = new BatchFill(layout, maxResponses, first, last, offsets);
  }

  /**
   * A batch that is yet to be filled, as {@link #refill} leaves it.
   *
   * @param layout how responses lie in sequences
   * @param hidden hidden states [T, H]: f32, f16 or bf16; all T rows are in use
   * @param maxResponses most responses it will ever hold, 1 or more
   * @throws InvalidArgumentException if there is to be room for less than 1 response
   */
  public static PackedBatch allocate(Layout layout, HostTensor hidden, int maxResponses) {
    if (maxResponses < 1) {
      throw new InvalidArgumentException(
          "packed batch: capacity is %d responses; it must be 1 or more".formatted(maxResponses));
    }
    BatchFill.checkHidden(hidden, rowsOf(hidden));
    PackedBatch batch = new PackedBatch(layout, hidden, maxResponses);
    return batch.refill(hidden);
  }

  /**
   * A sealed batch of one prompt whose responses share one sequence.
   *
   * @param hidden hidden states [T, H] of that sequence
   * @param spans rows of every response
   */
  public static PackedBatch joint(HostTensor hidden, Spans spans) {
    PackedBatch batch = allocate(Layout.JOINT, hidden, Math.max(spans.size(), 1));
    return batch.sealedOrClosed(() -> batch.group().sequence(batch.rows()).responses(spans).seal());
  }

  /**
   * A sealed batch in which every row is a response of its own: pooled vectors, or hidden states of
   * the last token of each response.
   *
   * @param vectors [R, H]
   * @param groupSizes responses of each prompt, in order; their sum is R
   */
  public static PackedBatch ofVectors(HostTensor vectors, int... groupSizes) {
    int responses = BatchFill.checkGroupSizes(vectors, groupSizes);
    PackedBatch batch = allocate(Layout.INDEPENDENT, vectors, responses);
    return batch.sealedOrClosed(() -> batch.refillVectors(vectors, groupSizes));
  }

  /**
   * Forgets all responses and becomes what {@link #ofVectors} makes of these. Costs two stores a
   * response: vectors may come as fast as memory gives them.
   *
   * @param vectors [R, H], R of at most the capacity
   * @param groupSizes responses of each prompt, in order; their sum is R
   * @throws InvalidArgumentException if the batch is of layout JOINT, or the sizes do not fit
   * @throws IllegalStateException if a call is using the batch
   */
  public PackedBatch refillVectors(HostTensor vectors, int... groupSizes) {
    BatchFill.checkHidden(vectors, rowsOf(vectors));
    int responses = BatchFill.checkGroupSizes(vectors, groupSizes);
    guard.acquireExclusively();
    try {
      sealed = false;
      // Rows of a gate are of the hidden states that were here before.
      gated = false;
      version++;
      fill.vectors(responses, groupSizes);
      hidden = vectors;
      rows = responses;
      sealed = true;
    } finally {
      guard.releaseExclusively();
    }
    return this;
  }

  /** Forgets all responses and starts again over these hidden states, all rows of them. */
  public PackedBatch refill(HostTensor newHidden) {
    return refill(newHidden, rowsOf(newHidden));
  }

  /**
   * Forgets all responses and starts again.
   *
   * @param newHidden hidden states [T, H]: f32, f16 or bf16
   * @param usedRows rows of it that are in use, from the first; the rest is never read
   * @throws IllegalStateException if a call is using the batch
   */
  public PackedBatch refill(HostTensor newHidden, long usedRows) {
    BatchFill.checkHidden(newHidden, usedRows);
    guard.acquireExclusively();
    try {
      hidden = newHidden;
      rows = usedRows;
      sealed = false;
      gated = false;
      version++;
      fill.restart(usedRows);
    } finally {
      guard.releaseExclusively();
    }
    return this;
  }

  /** Begins the responses of the next prompt. */
  public PackedBatch group() {
    beginFilling();
    try {
      fill.group();
    } finally {
      guard.releaseExclusively();
    }
    return this;
  }

  /**
   * Begins the next sequence of the group.
   *
   * @param sequenceRows its rows, 1 or more: those that follow the rows of the sequence before
   */
  public PackedBatch sequence(long sequenceRows) {
    beginFilling();
    try {
      fill.sequence(sequenceRows);
    } finally {
      guard.releaseExclusively();
    }
    return this;
  }

  /**
   * Adds the next response of the sequence.
   *
   * @param firstRow its first row, counted from the start of the sequence, or {@link Spans#NONE}
   * @param lastRow its last row, or {@link Spans#NONE} with the first: the response is invalid, and
   *     its score -infinity
   */
  public PackedBatch response(long firstRow, long lastRow) {
    beginFilling();
    try {
      fill.response(firstRow, lastRow);
    } finally {
      guard.releaseExclusively();
    }
    return this;
  }

  /** Adds responses of the sequence, in order. */
  public PackedBatch responses(Spans spans) {
    for (int i = 0; i < spans.size(); i++) {
      response(spans.first(i), spans.last(i));
    }
    return this;
  }

  /**
   * Says at which row of the hidden states the gate of a {@link Readout.GatedSum} is read, for
   * every response added so far. Call it after the last response.
   *
   * @param rows counted from the first row of all, not of a sequence; {@link Spans#NONE} makes the
   *     response invalid where a gate is read
   * @throws InvalidArgumentException if there is not one for each response, or one is not of the
   *     rows in use
   * @throws IllegalStateException if the batch is sealed
   */
  public PackedBatch gateRows(long... rows) {
    beginFilling();
    try {
      if (rows.length != fill.responses()) {
        throw new InvalidArgumentException(
            "gate rows: %d given for %s; there must be one for each"
                .formatted(rows.length, Counted.of(fill.responses(), "response")));
      }
      for (int i = 0; i < rows.length; i++) {
        if (rows[i] != Spans.NONE && (rows[i] < 0 || rows[i] >= this.rows)) {
          throw new InvalidArgumentException(
              "gate row of response %d is %d; it must be 0 to %d, or %d for none"
                  .formatted(i, rows[i], this.rows - 1, Spans.NONE));
        }
        gate.setAtIndex(LONG, i, rows[i]);
      }
      gated = true;
      gateRowsGiven = rows.length;
    } finally {
      guard.releaseExclusively();
    }
    return this;
  }

  /**
   * The row at which the gate is read for a response, as {@link #gateRows} was given it.
   *
   * @throws InvalidArgumentException if there is no such response, or no gate rows were given
   */
  public long gateRow(int response) {
    guard.acquire();
    try {
      if (!gated || response < 0 || response >= gateRowsGiven) {
        throw new InvalidArgumentException(
            "gate row of response %d; the batch has gate rows of %d"
                .formatted(response, gated ? gateRowsGiven : 0));
      }
      return gate.getAtIndex(LONG, response);
    } finally {
      guard.release();
    }
  }

  /**
   * Ends the filling.
   *
   * @throws InvalidArgumentException if there is no response, a group or sequence has none, or the
   *     sequences do not use exactly the rows announced
   */
  public PackedBatch seal() {
    beginFilling();
    try {
      fill.finish();
      requireAllGateRows();
      sealed = true;
    } finally {
      guard.releaseExclusively();
    }
    return this;
  }

  /** How responses lie in sequences. */
  public Layout layout() {
    return layout;
  }

  /** The hidden states, borrowed. */
  public HostTensor hidden() {
    return hidden;
  }

  /** T, the rows in use. */
  public long rows() {
    return rows;
  }

  /** R, the responses so far. */
  public int responses() {
    return fill.responses();
  }

  /** G, the groups so far. */
  public int groups() {
    return fill.groups();
  }

  /**
   * Number of the first response of a group; {@code groupStart(groups())} is R.
   *
   * @throws InvalidArgumentException if group is below 0 or above {@link #groups()}
   */
  public int groupStart(int group) {
    guard.acquire();
    try {
      if (group < 0 || group > groups()) {
        throw new InvalidArgumentException(
            "group %d of a batch of %d; it must be 0 to %d".formatted(group, groups(), groups()));
      }
      return (int) offsets.getAtIndex(LONG, group);
    } finally {
      guard.release();
    }
  }

  /**
   * Where groups begin, i64 [G + 1], from 0 to R: what a {@link CrossEntropy} over these responses
   * takes. A view: it changes with the next refill, and closes with the batch.
   */
  public HostTensor groupOffsets() {
    requireSealed();
    return HostTensor.view(DType.I64, offsets, guard, groups() + 1L);
  }

  /** Frees what the batch owns. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      numbers.close();
    }
  }

  @Override
  public String toString() {
    return "packed batch: %s, %s, %s, %s of %s"
        .formatted(
            layout,
            Counted.of(groups(), "group"),
            Counted.of(responses(), "response"),
            Counted.of(rows, "row"),
            hidden);
  }

  /** Begins a call that reads the batch; ended by {@link #release()}. */
  void acquire() {
    guard.acquire();
    try {
      requireSealed();
      hidden.acquire();
    } catch (RuntimeException e) {
      guard.release();
      throw e;
    }
  }

  void release() {
    hidden.release();
    guard.release();
  }

  /**
   * R of a call with this pooling: its responses, or with {@link Pooling.All} its rows.
   *
   * @throws InvalidArgumentException if there are more rows than scores can be counted
   */
  int items(Pooling pooling) {
    requireSealed();
    if (!(pooling instanceof Pooling.All)) {
      return responses();
    }
    if (rows > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "pooling ALL of %d rows; a call takes at most %d".formatted(rows, Integer.MAX_VALUE));
    }
    return (int) rows;
  }

  MemorySegment first() {
    return first;
  }

  MemorySegment last() {
    return last;
  }

  /** Rows of the gate, one for each response. */
  MemorySegment gate() {
    if (!gated) {
      throw new InvalidArgumentException(
          "the readout has a gate and the batch no rows for it: call gateRows before seal()");
    }
    return gate;
  }

  private void requireAllGateRows() {
    if (gated && gateRowsGiven != fill.responses()) {
      throw new InvalidArgumentException(
          "gate rows: %d given for %s; call gateRows after the last response"
              .formatted(gateRowsGiven, Counted.of(fill.responses(), "response")));
    }
  }

  /** Changes with every refill. */
  long version() {
    return version;
  }

  private void requireSealed() {
    if (!sealed) {
      throw new IllegalStateException(
          "packed batch is being filled: call seal() after the last response");
    }
  }

  private void beginFilling() {
    guard.acquireExclusively();
    if (sealed) {
      guard.releaseExclusively();
      throw new IllegalStateException("packed batch is sealed: call refill() to fill it again");
    }
  }

  private PackedBatch sealedOrClosed(Supplier<PackedBatch> filling) {
    try {
      return filling.get();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private static long rowsOf(HostTensor hidden) {
    return hidden.size(0);
  }
}
