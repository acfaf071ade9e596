package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Where a loss goes: its value, the loss of every item, and its gradient. Made once and used again
 * for every batch, without allocating. One call at a time; a second one at the same time throws
 * {@link IllegalStateException}, as does closing it meanwhile.
 */
public final class LossResult implements AutoCloseable {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final int maxScores;
  private final int maxItems;
  private final Arena arena;
  private final UseGuard guard;
  private final LossArguments arguments;
  private final NativeError error;
  private final MemorySegment itemLoss;
  private final MemorySegment gradient;
  private final MemorySegment value;
  private final MemorySegment counts;
  private int scores;
  private int width = 1;
  private int items;
  private boolean reduced;
  private boolean computed;

  private LossResult(Arena arena, int maxScores, int maxItems) {
    this.arena = arena;
    this.maxScores = maxScores;
    this.maxItems = maxItems;
    this.guard =
        new UseGuard(
            "loss result for %s, %s"
                .formatted(Counted.of(maxScores, "score"), Counted.of(maxItems, "item")));
    this.arguments = new LossArguments(arena);
    this.error = new NativeError(arena);
    this.itemLoss = arena.allocate(FLOAT, maxItems);
    this.gradient = arena.allocate(FLOAT, maxScores);
    this.value = arena.allocate(FLOAT);
    this.counts = arena.allocate(LONG, 2);
  }

  /**
   * Room for a loss.
   *
   * @param maxScores most scores it will take, 1 or more
   * @param maxItems most items (pairs, groups or scores), 1 or more
   * @throws InvalidArgumentException if either is less than 1
   */
  public static LossResult allocate(int maxScores, int maxItems) {
    if (maxScores < 1 || maxItems < 1) {
      throw new InvalidArgumentException(
          "loss result: room for %s and %s; both must be 1 or more"
              .formatted(Counted.of(maxScores, "score"), Counted.of(maxItems, "item")));
    }
    return OwnedMemory.make(
        "a loss result for %s and %s"
            .formatted(Counted.of(maxScores, "score"), Counted.of(maxItems, "item")),
        memory -> new LossResult(memory.arena(), maxScores, maxItems));
  }

  /**
   * The reduced loss.
   *
   * @throws IllegalStateException if nothing was computed, or the reduction was {@link
   *     Reduction#NONE}
   */
  public float value() {
    requireComputed();
    if (!reduced) {
      throw new IllegalStateException(
          "the loss was computed with reduction NONE and has no value; read its items");
    }
    return value.get(FLOAT, 0);
  }

  /** Number of items. */
  public int items() {
    requireComputed();
    return items;
  }

  /** Loss of an item, before reduction; 0 where it is invalid. */
  public float item(int item) {
    requireComputed();
    return itemLoss.getAtIndex(FLOAT, checked(item, items, "item"));
  }

  /** Number of scores. */
  public int scores() {
    requireComputed();
    return scores;
  }

  /** dL/ds of a score. */
  public float gradient(int score) {
    requireComputed();
    return gradient.getAtIndex(FLOAT, checked(score, scores, "score"));
  }

  /**
   * dL/ds, f32 [R, S] of a loss in a score call, [N, 1] of one by itself: a view, which changes
   * with the next call and closes with this.
   */
  public HostTensor gradient() {
    requireComputed();
    return HostTensor.view(DType.F32, gradient, guard, scores / width, width);
  }

  /** Items that counted. */
  public long validItems() {
    requireComputed();
    return counts.getAtIndex(LONG, 0);
  }

  /** Items that did not count: pairs with a masked score, groups with fewer than two valid ones. */
  public long skippedItems() {
    requireComputed();
    return counts.getAtIndex(LONG, 1);
  }

  /** Frees the memory. Closing again does nothing. */
  @Override
  public void close() {
    if (guard.close()) {
      arena.close();
    }
  }

  /** {@link Loss#evaluate}. */
  void evaluate(Context context, Loss loss, HostTensor from) {
    if (from.dtype() != DType.F32 || from.rank() != 1) {
      throw new InvalidTensorException(
          "scores of a loss are %s; they must be f32 [N]".formatted(from));
    }
    begin(loss, from.elementCount(), 1);
    try {
      arguments.scores(from);
      if (context.onCpu()) {
        Gavel.loss(context.handle(), arguments.struct(), error);
      } else {
        try (Staging staging = context.stage()) {
          arguments.stage(staging);
          Gavel.loss(context.handle(), arguments.struct(), error);
          staging.finish();
        }
      }
      finish();
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      end();
    }
  }

  /**
   * Begins a call that computes this loss over scores of its own, {@code each} of {@code
   * responses}; ended by {@link #end()}.
   *
   * @return the {@code gavel_loss_args} to pass
   */
  MemorySegment begin(Loss loss, long responses, int each) {
    long count = Math.multiplyExact(responses, each);
    long needed = loss.items();
    if (count > maxScores || needed > maxItems) {
      throw new InvalidArgumentException(
          "loss result has room for %s and %s, the loss has %d and %d; allocate a larger one"
              .formatted(
                  Counted.of(maxScores, "score"), Counted.of(maxItems, "item"), count, needed));
    }
    guard.acquireExclusively();
    try {
      computed = false;
      arguments.bind(loss);
    } catch (RuntimeException e) {
      guard.releaseExclusively();
      throw e;
    }
    scores = (int) count;
    width = each;
    items = (int) needed;
    reduced = loss.reduction() != Reduction.NONE;
    arguments.withoutScores();
    arguments.results(itemLoss, needed, gradient, count, value, reduced, counts);
    return arguments.struct();
  }

  /** Marks the results as there. */
  void finish() {
    computed = true;
  }

  void end() {
    arguments.release();
    guard.releaseExclusively();
  }

  private void requireComputed() {
    if (!guard.isOpen()) {
      throw new IllegalStateException("loss result is closed");
    }
    if (!computed) {
      throw new IllegalStateException("no loss was computed into this result yet");
    }
  }

  private static long checked(int index, int count, String what) {
    if (index < 0 || index >= count) {
      throw new IndexOutOfBoundsException("%s %d of %d".formatted(what, index, count));
    }
    return index;
  }
}
