package dev.gavel.bindings;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.MutableCallSite;
import java.util.Arrays;

/**
 * The arenas of callers that native calls of one thread reach through descriptors.
 *
 * <p>A descriptor holds a bare address, so nothing ties a call to the arena behind it. The Foreign
 * Function and Memory API does hold the arena of every segment that is passed as an argument, and
 * has no other public way to hold one. So a call passes the segments named here as further
 * arguments: while it runs, closing one of their arenas throws {@link IllegalStateException} in the
 * thread that tries, and a call whose arena was closed before is refused the same way.
 *
 * <pre>{@code
 * BorrowedMemory.hold(segment);
 * try { ... write a descriptor of the segment, call ... } finally { BorrowedMemory.release(segment); }
 * }</pre>
 *
 * <p>Both are for the thread that makes the call. Segments of one arena take one place, of {@value
 * #PLACES}. After a thread's first use nothing is allocated.
 */
@SuppressWarnings("UnusedMethod") // five are found by name
public final class BorrowedMemory {
  /** How many arenas of callers one call can reach; more than any call has tensors. */
  static final int PLACES = 64;

  /**
   * Places of the usual call. The API compares the arena of each argument with those before it, so
   * all places cost many times more than these.
   */
  static final int FEW = 8;

  private static final ThreadLocal<BorrowedMemory> OF_THREAD =
      ThreadLocal.withInitial(BorrowedMemory::new);

  private static final MethodHandle ANY;
  private static final MethodHandle MANY;
  private static final MethodHandle CURRENT;
  private static final MethodHandle SEGMENT;
  private static final MethodHandle MAKE;

  static {
    MethodHandles.Lookup own = MethodHandles.lookup();
    MethodType question = MethodType.methodType(boolean.class);
    MethodType memory = MethodType.methodType(BorrowedMemory.class);
    MethodType place = MethodType.methodType(MemorySegment.class, int.class);
    MethodType made =
        MethodType.methodType(
            MethodHandle.class,
            MutableCallSite.class,
            MemorySegment.class,
            FunctionDescriptor.class,
            int.class);
    try {
      ANY = own.findStatic(BorrowedMemory.class, "any", question);
      MANY = own.findStatic(BorrowedMemory.class, "many", question);
      CURRENT = own.findStatic(BorrowedMemory.class, "current", memory);
      SEGMENT = own.findVirtual(BorrowedMemory.class, "segment", place);
      MAKE = own.findStatic(BorrowedMemory.class, "make", made);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  // Threads of a program that wraps nothing are spared their own entry.
  private static volatile boolean used;

  private final MemorySegment[] segments = new MemorySegment[PLACES];
  private final int[] uses = new int[PLACES];

  // Places up to the last one in use.
  private int extent;

  private BorrowedMemory() {
    Arrays.fill(segments, MemorySegment.NULL);
  }

  /**
   * Names memory that the next calls of this thread reach; each is ended by one {@link #release}.
   *
   * @throws IllegalStateException if it is of one arena more than a call can hold
   */
  public static void hold(MemorySegment segment) {
    used = true;
    OF_THREAD.get().add(segment);
  }

  /**
   * Ends one {@link #hold} of this thread.
   *
   * @throws IllegalStateException if there was none
   */
  public static void release(MemorySegment segment) {
    OF_THREAD.get().remove(segment);
  }

  private void add(MemorySegment segment) {
    int place = placeOf(segment);
    if (place < 0) {
      place = freePlace();
      segments[place] = segment;
      extent = Math.max(extent, place + 1);
    }
    uses[place]++;
  }

  private void remove(MemorySegment segment) {
    int place = placeOf(segment);
    if (place < 0) {
      throw new IllegalStateException("memory is released that this thread does not hold");
    }
    uses[place]--;
    if (uses[place] == 0) {
      segments[place] = MemorySegment.NULL;
      while (extent > 0 && uses[extent - 1] == 0) {
        extent--;
      }
    }
  }

  private int placeOf(MemorySegment segment) {
    for (int place = 0; place < extent; place++) {
      if (uses[place] > 0 && segments[place].scope().equals(segment.scope())) {
        return place;
      }
    }
    return -1;
  }

  private int freePlace() {
    for (int place = 0; place < PLACES; place++) {
      if (uses[place] == 0) {
        return place;
      }
    }
    throw new IllegalStateException(
        "one native call reaches memory of more than "
            + PLACES
            + " arenas of the caller: take segments of fewer arenas, or copy them");
  }

  // ---- how a native function is called with them

  private static boolean any() {
    return used && OF_THREAD.get().extent > 0;
  }

  private static boolean many() {
    return OF_THREAD.get().extent > FEW;
  }

  private static BorrowedMemory current() {
    return OF_THREAD.get();
  }

  private MemorySegment segment(int place) {
    return segments[place];
  }

  /**
   * A handle for a native function of this type that passes what the calling thread holds after the
   * function's own arguments, where the platforms' calling conventions let a function ignore them:
   * arguments lie in registers and on the stack from the first one on, and the caller clears them
   * away.
   */
  static MethodHandle handle(MemorySegment function, FunctionDescriptor type) {
    return MethodHandles.guardWithTest(
        ANY,
        MethodHandles.guardWithTest(
            MANY, holdingOnceUsed(function, type, PLACES), holdingOnceUsed(function, type, FEW)),
        Linker.nativeLinker().downcallHandle(function, type));
  }

  // Most programs wrap nothing, and to make all these handles takes a few tenths of a second: each
  // is made by
  // its first call. The compiler takes the target of the site for a constant from then on.
  private static MethodHandle holdingOnceUsed(
      MemorySegment function, FunctionDescriptor type, int places) {
    MutableCallSite site = new MutableCallSite(type.toMethodType());
    MethodHandle make = MethodHandles.insertArguments(MAKE, 0, site, function, type, places);
    site.setTarget(
        MethodHandles.foldArguments(MethodHandles.exactInvoker(type.toMethodType()), make));
    return site.dynamicInvoker();
  }

  // Two threads at once make two that do the same.
  private static MethodHandle make(
      MutableCallSite site, MemorySegment function, FunctionDescriptor type, int places) {
    MethodHandle handle = holding(function, type, places);
    site.setTarget(handle);
    return handle;
  }

  private static MethodHandle holding(MemorySegment function, FunctionDescriptor type, int places) {
    MemoryLayout[] further = new MemoryLayout[places];
    Arrays.fill(further, ValueLayout.ADDRESS);
    MethodHandle all =
        Linker.nativeLinker().downcallHandle(function, type.appendArgumentLayouts(further));
    int own = type.argumentLayouts().size();
    MethodHandle[] segments = new MethodHandle[places];
    Arrays.setAll(segments, place -> MethodHandles.insertArguments(SEGMENT, 1, place));
    int[] oneForAll = new int[own + places];
    Arrays.setAll(oneForAll, argument -> Math.min(argument, own));
    MethodHandle ofMemory =
        MethodHandles.permuteArguments(
            MethodHandles.filterArguments(all, own, segments),
            type.toMethodType().appendParameterTypes(BorrowedMemory.class),
            oneForAll);
    return MethodHandles.collectArguments(ofMemory, own, CURRENT);
  }
}
