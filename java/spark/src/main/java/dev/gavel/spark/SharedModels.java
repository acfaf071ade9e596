package dev.gavel.spark;

import dev.gavel.Device;
import dev.gavel.text.RewardModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The models of this JVM: one for all tasks with the same settings on the same device, closed when
 * no task has used it for a while. Any thread.
 */
final class SharedModels {
  private static final Map<Key, Shared> MODELS = new HashMap<>();
  private static final ScheduledThreadPoolExecutor CLOSER = closer();

  private SharedModels() {}

  /**
   * What tells models apart.
   *
   * @param settings without what only says how long it is kept and how columns are named
   * @param identity hashes of its files
   * @param device where its head runs
   * @param threads of the backbone and of the head
   */
  record Key(ScorerSettings settings, ModelIdentity identity, Device device, int threads) {
    /** Makes equal what gives the same model. */
    Key {
      settings = settings.withKeepSeconds(0).withPrefix("");
    }

    RewardModel load() {
      identity.require(settings.model(), settings.choices().value());
      return RewardModel.load(
          ModelIdentity.path(settings.model()),
          new RewardModel.Options(
              device,
              threads,
              settings.batchTokens(),
              Optional.ofNullable(settings.layout()),
              Optional.ofNullable(settings.promptTokens()),
              Optional.ofNullable(settings.responseTokens()),
              settings.choices().value()));
    }
  }

  /** A model and its users; the map's lock guards the count, its own the model. */
  private static final class Shared {
    private final Key key;
    private int users;
    private @Nullable ScheduledFuture<?> closing;
    private @Nullable RewardModel model;

    Shared(Key key) {
      this.key = key;
    }

    // One task loads, the others wait for it.
    synchronized RewardModel model() {
      RewardModel loaded = model;
      if (loaded == null) {
        loaded = key.load();
        model = loaded;
      }
      return loaded;
    }

    synchronized void close() {
      if (model != null) {
        model.close();
        model = null;
      }
    }
  }

  /** The use of a model by a task. */
  static final class Lease implements AutoCloseable {
    private final Shared shared;
    private final RewardModel model;
    private final int keepSeconds;
    private boolean open = true;

    private Lease(Shared shared, RewardModel model, int keepSeconds) {
      this.shared = shared;
      this.model = model;
      this.keepSeconds = keepSeconds;
    }

    RewardModel model() {
      return model;
    }

    /** Ends the use. Closing again does nothing. */
    @Override
    public synchronized void close() {
      if (open) {
        open = false;
        release(shared, keepSeconds);
      }
    }
  }

  /**
   * Begins to use a model, which is loaded where it is not there yet.
   *
   * @param keepSeconds how long it stays after its last use
   */
  static Lease lease(Key key, int keepSeconds) {
    Shared shared;
    synchronized (MODELS) {
      shared = MODELS.computeIfAbsent(key, Shared::new);
      shared.users++;
      if (shared.closing != null) {
        shared.closing.cancel(false);
        shared.closing = null;
      }
    }
    try {
      return new Lease(shared, shared.model(), keepSeconds);
    } catch (RuntimeException | Error e) {
      release(shared, 0);
      throw e;
    }
  }

  /** Number of models that are loaded or being loaded. */
  static int count() {
    synchronized (MODELS) {
      return MODELS.size();
    }
  }

  /** Closes the models that no task uses now. */
  static void closeUnused() {
    List<Shared> all;
    synchronized (MODELS) {
      all = List.copyOf(MODELS.values());
    }
    all.forEach(SharedModels::closeUnused);
  }

  private static void release(Shared shared, int keepSeconds) {
    synchronized (MODELS) {
      shared.users--;
      if (shared.users > 0) {
        return;
      }
      if (keepSeconds > 0) {
        shared.closing = CLOSER.schedule(() -> closeUnused(shared), keepSeconds, TimeUnit.SECONDS);
        return;
      }
    }
    closeUnused(shared);
  }

  private static void closeUnused(Shared shared) {
    synchronized (MODELS) {
      if (shared.users > 0 || !MODELS.remove(shared.key, shared)) {
        return;
      }
    }
    shared.close();
  }

  private static ScheduledThreadPoolExecutor closer() {
    ScheduledThreadPoolExecutor closer =
        new ScheduledThreadPoolExecutor(
            1, work -> Thread.ofPlatform().daemon().name("gavel-closer").unstarted(work));
    closer.setRemoveOnCancelPolicy(true);
    return closer;
  }
}
