package dev.gavel;

import dev.gavel.message.Counted;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/** The filling of a {@link PackedBatch}: where the next response goes, and whether it may. */
final class BatchFill {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final Layout layout;
  private final int maxResponses;
  private final MemorySegment first;
  private final MemorySegment last;
  private final MemorySegment offsets;
  private long rows;
  private int groups;
  private int responses;
  private long sequenceStart;
  private long sequenceEnd;
  private int responsesBeforeSequence;
  private boolean inSequence;

  BatchFill(
      Layout layout,
      int maxResponses,
      MemorySegment first,
      MemorySegment last,
      MemorySegment offsets) {
    this.layout = layout;
    this.maxResponses = maxResponses;
    this.first = first;
    this.last = last;
    this.offsets = offsets;
  }

  /** Checks hidden states, of which the first {@code usedRows} are to be used. */
  static void checkHidden(HostTensor hidden, long usedRows) {
    if (hidden.rank() != 2 || !hidden.dtype().isFloat() || hidden.size(1) == 0) {
      throw new InvalidTensorException(
          "hidden states are %s; they must be f32, f16 or bf16 [T,H] with H of 1 or more"
              .formatted(hidden));
    }
    if (usedRows < 1 || usedRows > hidden.size(0)) {
      throw new InvalidArgumentException(
          "packed batch: %d rows of %s are to be used; it must be 1 to %d"
              .formatted(usedRows, hidden, hidden.size(0)));
    }
  }

  /** Checks that every vector belongs to a group, and returns how many there are. */
  static int checkGroupSizes(HostTensor vectors, int... groupSizes) {
    for (int size : groupSizes) {
      if (size < 1) {
        throw new InvalidArgumentException(
            "packed batch: a group size is %d; it must be 1 or more".formatted(size));
      }
    }
    long responses = IntStream.of(groupSizes).asLongStream().sum();
    if (responses != vectors.size(0) || responses > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "packed batch: group sizes sum to %d, %s has %s; both must be the same, below 2^31"
              .formatted(responses, vectors, Counted.of(vectors.size(0), "vector")));
    }
    return (int) responses;
  }

  int groups() {
    return groups;
  }

  int responses() {
    return responses;
  }

  void restart(long newRows) {
    rows = newRows;
    groups = 0;
    responses = 0;
    sequenceStart = 0;
    sequenceEnd = 0;
    inSequence = false;
    offsets.setAtIndex(LONG, 0, 0);
  }

  /** Every row a sequence with one response; the sizes were checked. */
  void vectors(int count, int... groupSizes) {
    if (layout != Layout.INDEPENDENT) {
      throw new InvalidArgumentException(
          "packed batch: it is of layout %s; vectors, of one response each, need INDEPENDENT"
              .formatted(layout));
    }
    if (count > maxResponses) {
      throw full("vector");
    }
    restart(count);
    for (int i = 0; i < count; i++) {
      first.setAtIndex(LONG, i, i);
      last.setAtIndex(LONG, i, i);
    }
    for (int size : groupSizes) {
      responses += size;
      groups++;
      offsets.setAtIndex(LONG, groups, responses);
    }
    sequenceEnd = count;
  }

  void group() {
    endGroup();
    if (groups == maxResponses) {
      throw full("group");
    }
    groups++;
    offsets.setAtIndex(LONG, groups, responses);
  }

  void sequence(long sequenceRows) {
    require(groups > 0, "a sequence was added before a group: call group() first");
    endSequence();
    if (sequenceRows < 1 || sequenceRows > rows - sequenceEnd) {
      throw new InvalidArgumentException(
          "packed batch: a sequence of %s is added after %d of %s; it must have 1 to %d"
              .formatted(
                  Counted.of(sequenceRows, "row"),
                  sequenceEnd,
                  Counted.of(rows, "row"),
                  rows - sequenceEnd));
    }
    sequenceStart = sequenceEnd;
    sequenceEnd += sequenceRows;
    responsesBeforeSequence = responses;
    inSequence = true;
  }

  void response(long firstRow, long lastRow) {
    require(inSequence, "a response was added before a sequence: call sequence(rows) first");
    if (layout == Layout.INDEPENDENT && responses > responsesBeforeSequence) {
      throw new InvalidArgumentException(
          "packed batch: a second response was added to a sequence; layout INDEPENDENT has one per"
              + " sequence, use JOINT for several");
    }
    if (responses == maxResponses) {
      throw full("response");
    }
    boolean none = firstRow == Spans.NONE && lastRow == Spans.NONE;
    long sequenceRows = sequenceEnd - sequenceStart;
    if (!none && (firstRow < 0 || lastRow < firstRow || lastRow >= sequenceRows)) {
      throw new InvalidArgumentException(
          "packed batch: response %d has rows %d to %d of a sequence of %d; it must be 0 <= first <= last <= %d, or -1 and -1"
              .formatted(responses, firstRow, lastRow, sequenceRows, sequenceRows - 1));
    }
    first.setAtIndex(LONG, responses, none ? Spans.NONE : sequenceStart + firstRow);
    last.setAtIndex(LONG, responses, none ? Spans.NONE : sequenceStart + lastRow);
    responses++;
    offsets.setAtIndex(LONG, groups, responses);
  }

  void finish() {
    require(groups > 0, "it has no group: add at least one response");
    endGroup();
    if (sequenceEnd != rows) {
      throw new InvalidArgumentException(
          "packed batch: its sequences have %s together, its hidden states have %d in use; they must be the same"
              .formatted(Counted.of(sequenceEnd, "row"), rows));
    }
  }

  private void endGroup() {
    if (groups > 0) {
      require(
          offsets.getAtIndex(LONG, groups - 1L) < responses,
          "a group has no response: add at least one before the next group");
      endSequence();
    }
    inSequence = false;
  }

  private void endSequence() {
    require(
        !inSequence || responses > responsesBeforeSequence,
        "a sequence has no response: add at least one before the next sequence");
  }

  private InvalidArgumentException full(String what) {
    return new InvalidArgumentException(
        "packed batch: one %s more than its capacity of %s; allocate a larger one"
            .formatted(what, Counted.of(maxResponses, "response")));
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new InvalidArgumentException("packed batch: " + message);
    }
  }
}
