package dev.gavel.cli.output;

import static org.apache.parquet.schema.LogicalTypeAnnotation.stringType;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.BINARY;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.FLOAT;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT32;
import static org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName.INT64;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.text.HeadOutputs;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/**
 * The columns of scored rows: those of the input as they are, then the keys of a row of output,
 * each optional. Where the input has a column of that name, the added one is called {@code
 * gavel_NAME}; {@code id} and {@code subset} are the input's own where it has them.
 */
final class ScoreColumns {
  private static final String PREFIX = "gavel_";

  private static final String SCORE_VARIANCE = "score_variance";
  private static final String SCORE_QUANTILES = "score_quantiles";
  private static final String STEP_SCORES = "step_scores";
  private static final String OBJECTIVES = "objectives";
  private static final String OBJECTIVE_VARIANCES = "objective_variances";
  private static final String OBJECTIVE_QUANTILES = "objective_quantiles";

  private final MessageType schema;
  private final int inputColumns;
  private final List<Column> added = new ArrayList<>();

  private enum Kind {
    TEXT,
    LONG,
    INT,
    INTS,
    FLOATS,
    LISTS,
    OBJECTIVES,
    OBJECTIVE_LISTS,
    ERROR
  }

  private record Column(String key, Kind kind) {}

  private static final List<Column> ALL =
      List.of(
          new Column("id", Kind.TEXT),
          new Column("file", Kind.TEXT),
          new Column("subset", Kind.TEXT),
          new Column("scores", Kind.FLOATS),
          new Column(SCORE_VARIANCE, Kind.FLOATS),
          new Column(SCORE_QUANTILES, Kind.LISTS),
          new Column(STEP_SCORES, Kind.LISTS),
          new Column(OBJECTIVES, Kind.OBJECTIVES),
          new Column(OBJECTIVE_VARIANCES, Kind.OBJECTIVES),
          new Column(OBJECTIVE_QUANTILES, Kind.OBJECTIVE_LISTS),
          new Column("best", Kind.INT),
          new Column("ranking", Kind.INTS),
          new Column("tokens", Kind.INTS),
          new Column("truncated", Kind.INTS),
          new Column("prompt_tokens", Kind.INT),
          new Column("prompt_truncated", Kind.INT),
          new Column("special_literals", Kind.INT),
          new Column("passes", Kind.INT),
          new Column("shared_tokens", Kind.INT),
          new Column("layout", Kind.TEXT),
          new Column("readout", Kind.TEXT),
          new Column("template", Kind.TEXT),
          new Column("model", Kind.TEXT),
          new Column("line", Kind.LONG),
          new Column("error", Kind.ERROR));

  /**
   * Columns of an output.
   *
   * @param input columns of the input; none where it is not Parquet
   * @param outputs what the model's head gives; where it does not give something, there is no
   *     column
   * @param steps whether the model scores steps
   */
  ScoreColumns(List<Type> input, HeadOutputs outputs, boolean steps) {
    Set<String> taken = new HashSet<>();
    List<Type> columns = new ArrayList<>();
    for (Type column : input) {
      columns.add(optional(column));
      taken.add(column.getName());
    }
    inputColumns = columns.size();
    for (Column column : ALL) {
      if (!isGiven(column.key(), outputs, steps)) {
        continue;
      }
      boolean there = taken.contains(column.key());
      if (there && (column.key().equals("id") || column.key().equals("subset"))) {
        continue;
      }
      String name = there ? PREFIX + column.key() : column.key();
      while (taken.contains(name)) {
        name = PREFIX + name;
      }
      taken.add(name);
      columns.add(type(name, column.kind(), outputs.objectives()));
      added.add(column);
    }
    schema = new MessageType("row", columns);
  }

  private static boolean isGiven(String key, HeadOutputs outputs, boolean steps) {
    boolean varies = outputs.spread() == HeadOutputs.SpreadKind.VARIANCE;
    return switch (key) {
      case STEP_SCORES -> steps;
      case SCORE_VARIANCE -> outputs.hasScoreSpread() && varies;
      case SCORE_QUANTILES -> outputs.hasScoreSpread() && !varies;
      case OBJECTIVES -> !outputs.objectives().isEmpty();
      case OBJECTIVE_VARIANCES -> outputs.hasObjectiveSpread() && varies;
      case OBJECTIVE_QUANTILES -> outputs.hasObjectiveSpread() && !varies;
      default -> true;
    };
  }

  MessageType schema() {
    return schema;
  }

  int inputColumns() {
    return inputColumns;
  }

  /** Fills the added columns of a row from a row of output. */
  void fill(Group row, JsonNode output) {
    for (int i = 0; i < added.size(); i++) {
      JsonNode value = output.path(added.get(i).key());
      if (!value.isMissingNode() && !value.isNull()) {
        fill(row, inputColumns + i, added.get(i).kind(), value);
      }
    }
  }

  private static void fill(Group row, int at, Kind kind, JsonNode value) {
    switch (kind) {
      case TEXT -> row.add(at, value.asText());
      case LONG -> row.add(at, value.longValue());
      case INT -> row.add(at, value.intValue());
      case INTS -> {
        Group list = row.addGroup(at);
        value.forEach(one -> list.addGroup(0).add(0, one.intValue()));
      }
      case FLOATS -> floats(row.addGroup(at), value);
      case LISTS -> lists(row.addGroup(at), value);
      case OBJECTIVES -> {
        Group named = row.addGroup(at);
        for (Type column : named.getType().getFields()) {
          floats(named.addGroup(column.getName()), value.path(column.getName()));
        }
      }
      case OBJECTIVE_LISTS -> {
        Group named = row.addGroup(at);
        for (Type column : named.getType().getFields()) {
          lists(named.addGroup(column.getName()), value.path(column.getName()));
        }
      }
      case ERROR -> {
        Group error = row.addGroup(at);
        error.add(0, value.path("field").asText());
        error.add(1, value.path("found").asText());
        error.add(2, value.path("message").asText());
      }
    }
  }

  private static void lists(Group list, JsonNode values) {
    values.forEach(numbers -> floats(list.addGroup(0).addGroup(0), numbers));
  }

  private static void floats(Group list, JsonNode values) {
    for (JsonNode one : values) {
      Group element = list.addGroup(0);
      if (!one.isNull()) {
        // The text was printed so that reading it as f32 gives the same bits.
        element.add(0, Float.parseFloat(one.asText()));
      }
    }
  }

  private static Type type(String name, Kind kind, List<String> objectives) {
    return switch (kind) {
      case TEXT -> Types.optional(BINARY).as(stringType()).named(name);
      case LONG -> Types.optional(INT64).named(name);
      case INT -> Types.optional(INT32).named(name);
      case INTS -> list(name, INT32);
      case FLOATS -> list(name, FLOAT);
      case LISTS -> lists(name);
      case OBJECTIVES ->
          new GroupType(
              Type.Repetition.OPTIONAL,
              name,
              objectives.stream().map(objective -> list(objective, FLOAT)).toList());
      case OBJECTIVE_LISTS ->
          new GroupType(
              Type.Repetition.OPTIONAL,
              name,
              objectives.stream().map(ScoreColumns::lists).toList());
      case ERROR ->
          Types.optionalGroup()
              .optional(BINARY)
              .as(stringType())
              .named("field")
              .optional(BINARY)
              .as(stringType())
              .named("found")
              .optional(BINARY)
              .as(stringType())
              .named("message")
              .named(name);
    };
  }

  private static Type lists(String name) {
    return Types.optionalList().element(list("element", FLOAT)).named(name);
  }

  private static Type list(String name, PrimitiveTypeName element) {
    return Types.optionalList().optionalElement(element).named(name);
  }

  // A row that could not be read has no value in any column.
  private static Type optional(Type column) {
    if (!column.isRepetition(Type.Repetition.REQUIRED)) {
      return column;
    }
    return column.isPrimitive()
        ? Types.primitive(column.asPrimitiveType().getPrimitiveTypeName(), Type.Repetition.OPTIONAL)
            .as(column.getLogicalTypeAnnotation())
            .length(column.asPrimitiveType().getTypeLength())
            .named(column.getName())
        : Types.buildGroup(Type.Repetition.OPTIONAL)
            .as(column.getLogicalTypeAnnotation())
            .addFields(column.asGroupType().getFields().toArray(Type[]::new))
            .named(column.getName());
  }
}
