package dev.gavel.spark;

import dev.gavel.Device;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.text.ModelChoices;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * Which model scores, and how. Checked where it is made, on the driver; executors get a copy.
 *
 * @param model {@code default}, the model that comes with Gavel; the path of a model folder, the
 *     same on the driver and on every executor; or {@code files:NAME}, a folder that Spark
 *     distributed under this name with {@code --archives FILE#NAME} or {@code addFile}
 * @param layout instead of the model's own, where it is not null
 * @param device where the head runs: {@code cpu}; {@code cuda}, the GPU that Spark assigned to the
 *     task; or {@code cuda:n}, that one in every executor
 * @param threads of the backbone and of the head, each, per task; null for {@code spark.task.cpus}
 * @param batchTokens most tokens of sequences that go through the backbone together
 * @param windowRows most rows read ahead and sorted by length to form batches
 * @param longestRow most bytes of text, in UTF-8, of a row that is scored; a longer one is an error
 *     of its row
 * @param promptTokens most tokens kept of a prompt, where it is not null
 * @param responseTokens most tokens kept of a response, where it is not null
 * @param choices what the files of some models do not say
 * @param keepSeconds how long an executor keeps a model that no task uses
 * @param prefix what the names of added columns begin with
 */
public record ScorerSettings(
    String model,
    @Nullable Layout layout,
    String device,
    @Nullable Integer threads,
    int batchTokens,
    int windowRows,
    int longestRow,
    @Nullable Integer promptTokens,
    @Nullable Integer responseTokens,
    ScorerChoices choices,
    int keepSeconds,
    String prefix)
    implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Checks the numbers and the names. */
  public ScorerSettings {
    if (model.isBlank()) {
      throw new InvalidArgumentException(
          "model is an empty name; give 'default', a model folder, or files:NAME");
    }
    Device.parse(device);
    positive("threads", threads);
    positive("batch tokens", batchTokens);
    positive("window rows", windowRows);
    positive("longest row", longestRow);
    positive("prompt tokens", promptTokens);
    positive("response tokens", responseTokens);
    if (keepSeconds < 0) {
      throw new InvalidArgumentException(
          "keep seconds is %d; it must be 0 or more".formatted(keepSeconds));
    }
  }

  /** The model that comes with Gavel on the CPU, with the budgets of {@code gavel score}. */
  public static ScorerSettings defaults() {
    return new ScorerSettings(
        "default", null, "cpu", null, 2048, 2048, 2 << 20, null, null, ScorerChoices.NONE, 60, "");
  }

  /** The same with another model. */
  public ScorerSettings withModel(String newModel) {
    return new ScorerSettings(
        newModel,
        layout,
        device,
        threads,
        batchTokens,
        windowRows,
        longestRow,
        promptTokens,
        responseTokens,
        choices,
        keepSeconds,
        prefix);
  }

  /** The same in this layout. */
  public ScorerSettings withLayout(Layout newLayout) {
    return new ScorerSettings(
        model,
        newLayout,
        device,
        threads,
        batchTokens,
        windowRows,
        longestRow,
        promptTokens,
        responseTokens,
        choices,
        keepSeconds,
        prefix);
  }

  /** The same on another device. */
  public ScorerSettings withDevice(String newDevice) {
    return new ScorerSettings(
        model,
        layout,
        newDevice,
        threads,
        batchTokens,
        windowRows,
        longestRow,
        promptTokens,
        responseTokens,
        choices,
        keepSeconds,
        prefix);
  }

  /** The same with this many threads per task. */
  public ScorerSettings withThreads(int newThreads) {
    return new ScorerSettings(
        model,
        layout,
        device,
        newThreads,
        batchTokens,
        windowRows,
        longestRow,
        promptTokens,
        responseTokens,
        choices,
        keepSeconds,
        prefix);
  }

  /**
   * The same with other bounds of what is in memory at once.
   *
   * @param tokens most tokens of a batch
   * @param rows most rows of a window
   * @param bytes most bytes of text of a row
   */
  public ScorerSettings withMemory(int tokens, int rows, int bytes) {
    return new ScorerSettings(
        model,
        layout,
        device,
        threads,
        tokens,
        rows,
        bytes,
        promptTokens,
        responseTokens,
        choices,
        keepSeconds,
        prefix);
  }

  /** The same with other budgets; null for the model's own. */
  public ScorerSettings withBudget(@Nullable Integer prompt, @Nullable Integer response) {
    return new ScorerSettings(
        model,
        layout,
        device,
        threads,
        batchTokens,
        windowRows,
        longestRow,
        prompt,
        response,
        choices,
        keepSeconds,
        prefix);
  }

  /** The same with another time that an unused model stays loaded. */
  public ScorerSettings withKeepSeconds(int seconds) {
    return new ScorerSettings(
        model,
        layout,
        device,
        threads,
        batchTokens,
        windowRows,
        longestRow,
        promptTokens,
        responseTokens,
        choices,
        seconds,
        prefix);
  }

  /** The same for a process reward model, whose responses are lists of steps. */
  public ScorerSettings withStepReduction(StepReduction reduction) {
    return withChoices(choices.value().withStepReduction(reduction));
  }

  /** The same with what the files of the model do not say; see {@link ModelChoices}. */
  public ScorerSettings withChoices(ModelChoices newChoices) {
    return new ScorerSettings(
        model,
        layout,
        device,
        threads,
        batchTokens,
        windowRows,
        longestRow,
        promptTokens,
        responseTokens,
        ScorerChoices.of(newChoices),
        keepSeconds,
        prefix);
  }

  /** The same with other names of the added columns. */
  public ScorerSettings withPrefix(String newPrefix) {
    return new ScorerSettings(
        model,
        layout,
        device,
        threads,
        batchTokens,
        windowRows,
        longestRow,
        promptTokens,
        responseTokens,
        choices,
        keepSeconds,
        newPrefix);
  }

  private static void positive(String what, @Nullable Integer value) {
    if (value != null && value < 1) {
      throw new InvalidArgumentException("%s is %d; it must be 1 or more".formatted(what, value));
    }
  }
}
