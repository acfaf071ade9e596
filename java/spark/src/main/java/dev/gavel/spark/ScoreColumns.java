package dev.gavel.spark;

import dev.gavel.text.GroupScore;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.RewardModel;
import dev.gavel.text.Spread;
import dev.gavel.text.row.NonFinite;
import dev.gavel.text.row.RowError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The added columns: names, order and values of the keys that {@code gavel score} writes
 * (docs/command-line.md). Of a row that could not be scored, all but {@code error} are null.
 */
final class ScoreColumns {
  private static final StructType ERROR =
      new StructType()
          .add("field", DataTypes.StringType, false)
          .add("found", DataTypes.StringType, false)
          .add("message", DataTypes.StringType, false);

  private static final StructType TYPE =
      new StructType()
          // A score that is no finite number is null here, as in JSON: Spark sorts NaN above all.
          .add("scores", floats())
          .add("score_variance", floats())
          .add("score_quantiles", DataTypes.createArrayType(floats()))
          .add("step_scores", DataTypes.createArrayType(floats()))
          // By name, since names are known only where the model is loaded.
          .add("objectives", byName(floats()))
          .add("objective_variances", byName(floats()))
          .add("objective_quantiles", byName(DataTypes.createArrayType(floats())))
          .add("best", DataTypes.IntegerType)
          .add("ranking", integers())
          .add("tokens", integers())
          .add("truncated", integers())
          .add("prompt_tokens", DataTypes.IntegerType)
          .add("prompt_truncated", DataTypes.IntegerType)
          .add("special_literals", DataTypes.IntegerType)
          .add("passes", DataTypes.IntegerType)
          .add("shared_tokens", DataTypes.IntegerType)
          .add("layout", DataTypes.StringType)
          .add("readout", DataTypes.StringType)
          .add("template", DataTypes.StringType)
          .add("model", DataTypes.StringType)
          .add("error", ERROR);

  private ScoreColumns() {}

  /** Types of the columns. */
  static StructType type() {
    return TYPE;
  }

  /** The columns behind others. */
  static StructType after(StructType columns, String prefix) {
    StructType all = columns;
    for (StructField field : TYPE.fields()) {
      all = all.add(prefix + field.name(), field.dataType(), true);
    }
    return all;
  }

  /** Values of a row that was scored. */
  static @Nullable Object[] scored(RewardModel model, GroupScore score) {
    return new @Nullable Object[] {
      numbers(score.scores()),
      variance(score.spread()),
      quantiles(score.spread()),
      score.steps().isEmpty() ? null : lists(score.steps()),
      byName(score, objective -> numbers(objective.values())),
      byName(score, objective -> variance(objective.spread())),
      byName(score, objective -> quantiles(objective.spread())),
      score.scores().get(score.best()).isNaN() ? null : score.best(),
      score.ranking().toArray(),
      score.tokens().toArray(),
      score.truncated().toArray(),
      score.promptTokens(),
      score.promptTruncated(),
      score.specialLiterals(),
      score.passes(),
      score.sharedTokens() == 0 ? null : score.sharedTokens(),
      ModelConfig.name(score.layout()),
      score.readout(),
      score.template(),
      model.config().name(),
      score.isFinite() ? null : row(NonFinite.error(score))
    };
  }

  /** Values of a row that could not be scored. */
  static @Nullable Object[] failed(RowError error) {
    @Nullable Object[] values = new @Nullable Object[TYPE.size()];
    values[TYPE.size() - 1] = row(error);
    return values;
  }

  private static @Nullable Object variance(Spread spread) {
    return spread instanceof Spread.Variance(List<Float> values) ? numbers(values) : null;
  }

  private static @Nullable Object quantiles(Spread spread) {
    return spread instanceof Spread.Quantiles(List<List<Float>> values) ? lists(values) : null;
  }

  /** What each objective has, in their order; null where they have none of it. */
  private static @Nullable Object byName(
      GroupScore score, Function<GroupScore.Objective, @Nullable Object> what) {
    Map<String, Object> named = new LinkedHashMap<>();
    for (GroupScore.Objective objective : score.objectives()) {
      Object value = what.apply(objective);
      if (value != null) {
        named.put(objective.name(), value);
      }
    }
    return named.isEmpty() ? null : CollectionConverters.asScala(named);
  }

  private static Object[] lists(List<List<Float>> values) {
    return values.stream().map(ScoreColumns::numbers).toArray();
  }

  private static @Nullable Object[] numbers(List<Float> values) {
    List<@Nullable Float> finite = new ArrayList<>();
    for (Float value : values) {
      finite.add(Float.isFinite(value) ? value : null);
    }
    return finite.toArray();
  }

  private static Row row(RowError error) {
    return RowFactory.create(error.field(), error.found(), error.message());
  }

  private static org.apache.spark.sql.types.DataType floats() {
    return DataTypes.createArrayType(DataTypes.FloatType, true);
  }

  private static org.apache.spark.sql.types.DataType byName(
      org.apache.spark.sql.types.DataType value) {
    return DataTypes.createMapType(DataTypes.StringType, value, false);
  }

  private static org.apache.spark.sql.types.DataType integers() {
    return DataTypes.createArrayType(DataTypes.IntegerType, false);
  }
}
