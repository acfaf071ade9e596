package dev.gavel.spark;

import dev.gavel.InvalidArgumentException;
import dev.gavel.text.row.BadRowException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * Scores the responses of prompts in a data frame with a reward model, as {@code gavel score} does
 * those of a file: the same bits, whatever the partitions, the executors and their failures. See
 * docs/spark.md.
 *
 * <pre>{@code
 * GavelScorer scorer = GavelScorer.of(ScorerSettings.defaults().withModel("/models/mine"));
 * Dataset<Row> scored = scorer.transform(frame);
 * }</pre>
 *
 * <p>An executor loads the model once for all its tasks, and closes it when none has used it for a
 * while. Settings are checked where the scorer is made; a row that cannot be scored has an {@code
 * error} in its place.
 */
public final class GavelScorer {
  private final TaskModel scoring;

  private GavelScorer(TaskModel scoring) {
    this.scoring = scoring;
  }

  /**
   * A scorer, on the driver, which reads the files of the model to know their hashes and needs no
   * native library.
   *
   * @throws InvalidArgumentException if there is no such model
   * @throws dev.gavel.FormatException if it is not complete
   */
  public static GavelScorer of(ScorerSettings settings) {
    return new GavelScorer(
        new TaskModel(settings, ModelIdentity.of(settings.model(), settings.choices().value())));
  }

  /**
   * Adds the columns {@code scores}, {@code score_variance}, {@code score_quantiles}, {@code
   * step_scores}, {@code objectives}, {@code objective_variances}, {@code objective_quantiles},
   * {@code best}, {@code ranking}, {@code tokens}, {@code truncated}, {@code prompt_tokens}, {@code
   * prompt_truncated}, {@code special_literals}, {@code passes}, {@code shared_tokens}, {@code
   * layout}, {@code readout}, {@code template}, {@code model} and {@code error}. Every row stays,
   * in its partition and in order.
   *
   * @param frame has {@code prompt} (text) or {@code messages} (array of structs with role and
   *     content), and {@code responses} (array of texts; of a process reward model, array of arrays
   *     of steps) or {@code chosen} and {@code rejected} (texts, or arrays of them)
   * @throws InvalidArgumentException if a column is missing, has another type, or is there already
   */
  public Dataset<Row> transform(Dataset<Row> frame) {
    FrameColumns.require(frame.schema(), scoring.settings().prefix());
    StructType type = ScoreColumns.after(frame.schema(), scoring.settings().prefix());
    TaskModel sent = scoring;
    MapPartitionsFunction<Row, Row> score = rows -> new PartitionScorer(sent, rows);
    return frame.mapPartitions(score, Encoders.row(type));
  }

  /**
   * A struct of the same columns, for a place where a data frame cannot be given. Each row is a
   * batch of its own, so {@link #transform} is faster for short texts; the scores are the same.
   *
   * @param prompt a text, or an array of structs with role and content
   * @param responses an array of texts, or of arrays of steps; of a pair, {@code array(chosen,
   *     rejected)}
   */
  public Column column(Column prompt, Column responses) {
    TaskModel sent = scoring;
    UDF2<Object, Object, Row> score = (p, r) -> scoreOne(sent, p, r);
    // Spark evaluates a deterministic function once for every field of the struct that is used.
    return functions
        .udf(score, ScoreColumns.type())
        .asNondeterministic()
        .withName("gavel_score")
        .apply(prompt, responses);
  }

  /**
   * Closes the models of this JVM that no task uses now, without the wait: for programs in local
   * mode, whose driver lives on. Executors need no such call.
   */
  public static void closeUnusedModels() {
    SharedModels.closeUnused();
  }

  private static Row scoreOne(
      TaskModel scoring, @Nullable Object prompt, @Nullable Object responses)
      throws BadRowException {
    TaskContext task = TaskContext.get();
    TaskModel.stopIfKilled(task);
    int longest = scoring.settings().longestRow();
    TextPermits.require(longest);
    try (SharedModels.Lease lease = scoring.leaseOfRow(task)) {
      WindowScorer scorer = new WindowScorer(lease.model(), task);
      scorer.add(() -> RowReader.read(prompt, responses, longest));
      return RowFactory.create(scorer.score().getFirst());
    }
  }
}
