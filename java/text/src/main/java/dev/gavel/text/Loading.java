package dev.gavel.text;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Something that is loaded on a thread of its own, once for all who ask for it. */
final class Loading<T> {
  private final CompletableFuture<T> loaded = new CompletableFuture<>();

  private Loading() {}

  /**
   * Begins.
   *
   * @param thread its name
   * @param stackBytes its stack; 0 is as much as threads have
   */
  static <T> Loading<T> begin(String thread, long stackBytes, Supplier<T> load) {
    Loading<T> loading = new Loading<>();
    Thread.ofPlatform()
        .name(thread)
        .daemon()
        .stackSize(stackBytes)
        .start(() -> {
          try {
            loading.loaded.complete(load.get());
          } catch (RuntimeException | Error e) {
            loading.loaded.completeExceptionally(e);
          }
        });
    return loading;
  }

  /** What was loaded, when it is there; throws what loading threw. */
  T await() {
    try {
      return loaded.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        case null, default -> throw e;
      }
    }
  }

  /** Does something with it when it is there, without waiting; nothing where loading failed. */
  void whenLoaded(Consumer<T> use) {
    var _ = loaded.thenAccept(use);
  }
}
