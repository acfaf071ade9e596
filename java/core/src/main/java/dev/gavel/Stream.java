package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A CUDA stream: what is enqueued on it runs in order, while the calls that enqueue return at once.
 *
 * <p>One call at a time: a second one at the same moment throws {@link BusyException}. Host tensors
 * that a copy reads or writes are held open until {@link #synchronize()} has waited for it.
 */
public final class Stream implements AutoCloseable {
  private final Context context;
  private final NativeHandle handle;
  // What is done when the work enqueued so far has ended.
  private final Deque<Runnable> held = new ArrayDeque<>();

  private Stream(Context context, NativeHandle handle) {
    this.context = context;
    this.handle = handle;
  }

  /**
   * A new stream, which does not wait for the default one.
   *
   * @throws UnsupportedException if the context is on the CPU, whose calls run at once
   */
  public static Stream open(Context context) {
    try (Arena arena = Arena.ofConfined()) {
      return new Stream(context, Gavel.streamCreate(context.handle(), new NativeError(arena)));
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /**
   * The caller's stream, which must belong to the context's device and stay until this is closed;
   * closing leaves it alone.
   *
   * @param cudaStream the {@code cudaStream_t}, 0 for the default stream
   */
  public static Stream wrap(Context context, long cudaStream) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = MemorySegment.ofAddress(cudaStream);
      return new Stream(
          context, Gavel.streamWrap(context.handle(), address, new NativeError(arena)));
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /** The {@code cudaStream_t}, 0 for the default stream. */
  public long address() {
    return Gavel.streamNative(handle).address();
  }

  /**
   * Waits until everything enqueued so far is done.
   *
   * @throws InvalidArgumentException if only the device could see what was wrong with one of the
   *     calls since the last time, for instance an index out of range; said once
   */
  public void synchronize() {
    try (Arena arena = Arena.ofConfined()) {
      Gavel.streamSynchronize(handle, new NativeError(arena));
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      releaseHeld();
    }
  }

  /** What is enqueued here from now on runs after what is on the other stream now. */
  public void waitFor(Stream other) {
    try (Arena arena = Arena.ofConfined()) {
      Gavel.streamWait(handle, other.handle, new NativeError(arena));
    } catch (NativeException e) {
      throw Failures.of(e);
    }
  }

  /**
   * Enqueues the arithmetic that products are made of, over registers alone, on every
   * multiprocessor. Timed until {@link #synchronize()}, it is the most that a product of this
   * library can reach on the device; with 0 rounds it is what a launch costs.
   *
   * @param dtype a float type
   * @param rounds how often, 0 to 2^31 - 1
   * @return the operations that it will be; a multiplication and an addition are two
   */
  public long registerProducts(DType dtype, long rounds) {
    return context.registerProducts(dtype, rounds, handle.address());
  }

  /** The context it belongs to. */
  public Context context() {
    return context;
  }

  /**
   * Destroys the stream; what was enqueued still runs. Waits where host tensors are held open.
   * Closing again does nothing.
   */
  @Override
  public void close() {
    if (handle.isOpen() && holds()) {
      synchronize();
    }
    handle.close();
  }

  @Override
  public String toString() {
    return handle + " of " + context.info().device();
  }

  NativeHandle handle() {
    return handle;
  }

  /** Takes over one {@link HostTensor#acquire()} until the work enqueued so far is done. */
  void hold(HostTensor tensor) {
    tensor.keepOpen();
    later(tensor::letClose);
  }

  /** Does this once the work enqueued so far has ended. */
  void later(Runnable release) {
    synchronized (held) {
      held.add(release);
    }
  }

  private boolean holds() {
    synchronized (held) {
      return !held.isEmpty();
    }
  }

  private void releaseHeld() {
    synchronized (held) {
      held.forEach(Runnable::run);
      held.clear();
    }
  }
}
