package dev.gavel.cli.scoring;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Threads that hand work to each other through bounded queues. The first failure of any of them
 * stops all: whoever waits, or waits next, gets {@link StoppedException}.
 *
 * <p>One lock for all queues: work is handed over in large pieces, a few hundred times a second.
 */
public final class Stages implements AutoCloseable {
  private final Object lock = new Object();
  private final List<Thread> threads = new ArrayList<>();
  private @Nullable Throwable failure;
  private boolean stopped;

  /** Another stage failed, or nobody needs the work any more. */
  public static final class StoppedException extends Exception {
    private static final long serialVersionUID = 1L;

    StoppedException() {
      super("stopped", null, false, false);
    }
  }

  /** What a thread does. */
  @FunctionalInterface
  public interface Work {
    void run() throws Exception;
  }

  /** Starts a stage. */
  public void start(String name, Work work) {
    Thread thread =
        Thread.ofPlatform()
            .daemon()
            .name("gavel " + name)
            .unstarted(() -> {
              try {
                work.run();
              } catch (StoppedException e) {
                stop();
              } catch (Throwable e) {
                fail(e);
              }
            });
    threads.add(thread);
    thread.start();
  }

  /** The first failure, if there was one. */
  public Optional<Throwable> failure() {
    synchronized (lock) {
      return Optional.ofNullable(failure);
    }
  }

  /** Stops all stages and waits for them, except for one that waits for input. */
  @Override
  public void close() {
    stop();
    boolean interrupted = false;
    for (Thread thread : threads) {
      try {
        // A stage ends within a batch. One that reads a pipe or a terminal ends with it; it holds
        // nothing that others free.
        thread.join(thread.getName().endsWith(READER) ? 100 : 0);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Name of the stage that may wait for somebody outside. */
  static final String READER = "reader";

  private void stop() {
    synchronized (lock) {
      stopped = true;
      lock.notifyAll();
    }
  }

  private void fail(Throwable e) {
    synchronized (lock) {
      if (failure == null) {
        failure = e;
      }
      stopped = true;
      lock.notifyAll();
    }
  }

  // Callers hold the lock.
  private void waitWhile(BooleanSupplier busy) throws StoppedException {
    try {
      while (!stopped && busy.getAsBoolean()) {
        lock.wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoppedException();
    }
    if (stopped) {
      throw new StoppedException();
    }
  }

  /** A queue between two stages. */
  public final class Queue<T> {
    private final Deque<T> items = new ArrayDeque<>();
    private final int capacity;
    private boolean ended;

    public Queue(int capacity) {
      this.capacity = capacity;
    }

    /** Adds an item; waits for room. */
    public void put(T item) throws StoppedException {
      synchronized (lock) {
        waitWhile(() -> items.size() >= capacity);
        items.add(item);
        lock.notifyAll();
      }
    }

    /** Says that nothing more comes. */
    public void end() {
      synchronized (lock) {
        ended = true;
        lock.notifyAll();
      }
    }

    /** The next item, or empty at the end; waits for it. */
    public Optional<T> take() throws StoppedException {
      synchronized (lock) {
        waitWhile(() -> items.isEmpty() && !ended);
        Optional<T> item = Optional.ofNullable(items.poll());
        lock.notifyAll();
        return item;
      }
    }

    /** What was left when the stages stopped. */
    List<T> drain() {
      synchronized (lock) {
        List<T> left = List.copyOf(items);
        items.clear();
        return left;
      }
    }
  }

  /** Bounds the text that is under way, whatever the size of a piece. */
  final class Budget {
    private final long most;
    private long used;

    Budget(long most) {
      this.most = most;
    }

    /** Takes a share; waits for it. A piece larger than all of it goes alone. */
    void acquire(long share) throws StoppedException {
      synchronized (lock) {
        waitWhile(() -> used > 0 && used + share > most);
        used += share;
      }
    }

    /** Gives a share back. */
    void release(long share) {
      synchronized (lock) {
        used -= share;
        lock.notifyAll();
      }
    }
  }
}
