package dev.gavel.cli.parquet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.text.row.BadRowException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.ListLogicalTypeAnnotation;
import org.apache.parquet.schema.Type;

/**
 * Rows of Parquet as the JSON rows they would be; columns that are no keys of a row are left out.
 */
final class ParquetJson {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** Keys of a row. */
  private static final Set<String> KEYS =
      Set.of(
          "id",
          "prompt",
          "messages",
          "responses",
          "chosen",
          "rejected",
          "subset",
          "scores",
          "rankings");

  private ParquetJson() {}

  /** The row as one line. */
  static String line(Group group) throws BadRowException {
    ObjectNode row = NODES.objectNode();
    GroupType type = group.getType();
    for (int i = 0; i < type.getFieldCount(); i++) {
      String name = type.getFieldName(i);
      if (KEYS.contains(name)) {
        row.set(name, field(name, group, i));
      }
    }
    return row.toString();
  }

  private static JsonNode field(String at, Group group, int field) throws BadRowException {
    Type type = group.getType().getType(field);
    int count = group.getFieldRepetitionCount(field);
    if (type.isRepetition(Type.Repetition.REPEATED)) {
      ArrayNode values = NODES.arrayNode();
      for (int i = 0; i < count; i++) {
        values.add(value("%s[%d]".formatted(at, i), type, group, field, i));
      }
      return values;
    }
    return count == 0 ? NODES.nullNode() : value(at, type, group, field, 0);
  }

  private static JsonNode value(String at, Type type, Group group, int field, int index)
      throws BadRowException {
    if (type.isPrimitive()) {
      return primitive(at, type, group, field, index);
    }
    Group inside = group.getGroup(field, index);
    return type.getLogicalTypeAnnotation() instanceof ListLogicalTypeAnnotation
            && type.asGroupType().getFieldCount() == 1
        ? list(at, inside)
        : struct(at, inside);
  }

  private static ObjectNode struct(String at, Group group) throws BadRowException {
    ObjectNode object = NODES.objectNode();
    for (int i = 0; i < group.getType().getFieldCount(); i++) {
      String name = group.getType().getFieldName(i);
      object.set(name, field(at + "." + name, group, i));
    }
    return object;
  }

  // Rules for lists of the format's LogicalTypes.md, those for old writers included.
  private static ArrayNode list(String at, Group group) throws BadRowException {
    Type repeated = group.getType().getType(0);
    boolean wrapped =
        !repeated.isPrimitive()
            && repeated.asGroupType().getFieldCount() == 1
            && !repeated.getName().equals("array")
            && !repeated.getName().endsWith("_tuple");
    ArrayNode values = NODES.arrayNode();
    for (int i = 0; i < group.getFieldRepetitionCount(0); i++) {
      String place = "%s[%d]".formatted(at, i);
      values.add(
          wrapped ? field(place, group.getGroup(0, i), 0) : value(place, repeated, group, 0, i));
    }
    return values;
  }

  private static JsonNode primitive(String at, Type type, Group group, int field, int index)
      throws BadRowException {
    if (type.getLogicalTypeAnnotation() instanceof DecimalLogicalTypeAnnotation decimal) {
      return NODES.numberNode(decimal(type, decimal.getScale(), group, field, index));
    }
    return switch (type.asPrimitiveType().getPrimitiveTypeName()) {
      case BOOLEAN -> NODES.booleanNode(group.getBoolean(field, index));
      case INT32 -> {
        int number = group.getInteger(field, index);
        yield isUnsigned(type)
            ? NODES.numberNode(Integer.toUnsignedLong(number))
            : NODES.numberNode(number);
      }
      case INT64 -> {
        long number = group.getLong(field, index);
        yield isUnsigned(type)
            ? NODES.numberNode(new BigInteger(Long.toUnsignedString(number)))
            : NODES.numberNode(number);
      }
      case FLOAT -> NODES.numberNode(group.getFloat(field, index));
      case DOUBLE -> NODES.numberNode(group.getDouble(field, index));
      case BINARY -> NODES.textNode(text(at, group.getBinary(field, index).toByteBuffer()));
      case FIXED_LEN_BYTE_ARRAY, INT96 ->
          throw new BadRowException(
              at,
              type.toString(),
              "%s is a column of %s, which is no text and no number; write it as text"
                  .formatted(at, type.asPrimitiveType().getPrimitiveTypeName()));
    };
  }

  private static boolean isUnsigned(Type type) {
    return type.getLogicalTypeAnnotation() instanceof IntLogicalTypeAnnotation whole
        && !whole.isSigned();
  }

  private static BigDecimal decimal(Type type, int scale, Group group, int field, int index) {
    return switch (type.asPrimitiveType().getPrimitiveTypeName()) {
      case INT32 -> BigDecimal.valueOf(group.getInteger(field, index), scale);
      case INT64 -> BigDecimal.valueOf(group.getLong(field, index), scale);
      default -> new BigDecimal(new BigInteger(group.getBinary(field, index).getBytes()), scale);
    };
  }

  private static String text(String at, ByteBuffer bytes) throws BadRowException {
    try {
      // A new decoder reports what is wrong; String would put U+FFFD in its place.
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw new BadRowException(
          at,
          "%d bytes".formatted(bytes.remaining()),
          "%s is not valid UTF-8; mend the source".formatted(at));
    }
  }
}
