package dev.gavel.spark;

import dev.gavel.InvalidArgumentException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** What the columns of a data frame must be, checked before a job is started. */
final class FrameColumns {
  private FrameColumns() {}

  static void require(StructType columns, String prefix) {
    boolean prompt = has(columns, "prompt", FrameColumns::isText, "a text");
    boolean messages =
        has(
            columns,
            "messages",
            type -> type instanceof ArrayType array && isMessage(array.elementType()),
            "an array of structs with the texts role and content");
    if (!prompt && !messages) {
      throw missing("prompt or messages", columns);
    }
    boolean responses =
        has(
            columns,
            "responses",
            type -> isTexts(type) || isSteps(type),
            "an array of texts, an array of arrays of steps, or a text");
    boolean chosen = has(columns, "chosen", FrameColumns::isTexts, "a text, or an array of texts");
    boolean rejected =
        has(columns, "rejected", FrameColumns::isTexts, "a text, or an array of texts");
    if (!responses && !(chosen && rejected)) {
      throw missing("responses, or chosen and rejected", columns);
    }
    for (StructField added : ScoreColumns.type().fields()) {
      String name = prefix + added.name();
      // Spark tells no upper case from lower case unless it is told to.
      if (Arrays.stream(columns.fieldNames()).anyMatch(name::equalsIgnoreCase)) {
        throw new InvalidArgumentException(
            "the data frame has a column '%s' already; drop or rename it, or choose other names: withPrefix(\"gavel_\")"
                .formatted(name));
      }
    }
  }

  private static boolean has(
      StructType columns, String name, Predicate<DataType> fits, String what) {
    List<StructField> found =
        Arrays.stream(columns.fields()).filter(field -> field.name().equals(name)).toList();
    if (found.size() > 1) {
      throw new InvalidArgumentException(
          "the data frame has %d columns '%s'; keep one".formatted(found.size(), name));
    }
    if (found.size() == 1 && !fits.test(found.getFirst().dataType())) {
      throw new InvalidArgumentException(
          "column '%s' is %s; it must be %s"
              .formatted(name, found.getFirst().dataType().simpleString(), what));
    }
    return found.size() == 1;
  }

  private static boolean isText(DataType type) {
    return type instanceof StringType;
  }

  private static boolean isTexts(DataType type) {
    return isText(type) || (type instanceof ArrayType array && isText(array.elementType()));
  }

  private static boolean isSteps(DataType type) {
    return type instanceof ArrayType array
        && array.elementType() instanceof ArrayType steps
        && isText(steps.elementType());
  }

  private static boolean isMessage(DataType type) {
    return type instanceof StructType message
        && List.of("role", "content").stream()
            .allMatch(name ->
                Arrays.stream(message.fields())
                    .anyMatch(field -> field.name().equals(name) && isText(field.dataType())));
  }

  private static InvalidArgumentException missing(String what, StructType columns) {
    return new InvalidArgumentException(
        "the data frame has the columns %s; it must have %s"
            .formatted(String.join(", ", columns.fieldNames()), what));
  }
}
