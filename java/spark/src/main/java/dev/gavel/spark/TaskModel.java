package dev.gavel.spark;

import java.io.Serializable;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;

/**
 * What a scorer sends to executors, and how a task there gets its model.
 *
 * @param settings checked on the driver
 * @param identity hashes of the model's files on the driver
 */
record TaskModel(ScorerSettings settings, ModelIdentity identity) implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Begins to use the model; the end of the task, however it ends, ends the use. */
  SharedModels.Lease lease(TaskContext task) {
    SharedModels.Lease lease = SharedModels.lease(key(task), settings.keepSeconds());
    // Spark calls it after success, failure and kill, and at once where the task has ended.
    TaskCompletionListener release = ended -> lease.close();
    task.addTaskCompletionListener(release);
    return lease;
  }

  /**
   * Begins to use the model for one row; the caller ends it. The model stays for a second at least,
   * or it would be loaded for every row.
   *
   * @param task null where Spark evaluates a row on the driver
   */
  SharedModels.Lease leaseOfRow(@Nullable TaskContext task) {
    return SharedModels.lease(key(task), Math.max(1, settings.keepSeconds()));
  }

  private SharedModels.Key key(@Nullable TaskContext task) {
    Integer asked = settings.threads();
    int own = task == null ? 1 : task.cpus();
    return new SharedModels.Key(
        settings,
        identity,
        TaskDevice.of(settings.device(), task == null ? Map.of() : task.resourcesJMap()),
        asked == null ? own : asked);
  }

  /**
   * Ends a task that was killed: native calls do not notice an interrupt, so it is looked for
   * between them.
   */
  static void stopIfKilled(@Nullable TaskContext task) {
    if (task != null && task.isInterrupted()) {
      throw new TaskKilledException("the task was killed between two batches");
    }
  }
}
