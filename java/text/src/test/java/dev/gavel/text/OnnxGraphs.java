package dev.gavel.text;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Writes small ONNX files: just enough of the protobuf encoding of {@code onnx.proto} (IR version
 * 8) for an embedding table that gives token {@code t} the row {@code [t, t + 0.5, ...]}.
 */
final class OnnxGraphs {

  static final int FLOAT = 1;
  static final int INT32 = 6;
  static final int INT64 = 7;
  static final int FLOAT16 = 10;
  static final int DOUBLE = 11;
  static final int BFLOAT16 = 16;

  /** Rows of the table. */
  static final int VOCABULARY = 300;

  private OnnxGraphs() {}

  /** An input or output: dimensions below 0 have a name instead of a number. */
  record Value(String name, int type, List<Long> dimensions) {
    Value(String name, int type, long... dimensions) {
      this(name, type, Arrays.stream(dimensions).boxed().toList());
    }
  }

  /** {@code input_ids -> Gather -> Cast -> output}, with the declared inputs and outputs. */
  static byte[] embedding(int width, int outputType, List<Value> inputs, List<Value> outputs) {
    return embedding(width, outputType, VOCABULARY, inputs, outputs);
  }

  private static byte[] embedding(
      int width, int outputType, int vocabulary, List<Value> inputs, List<Value> outputs) {
    return embedding(outputType, table(width, vocabulary), inputs, outputs);
  }

  /** The usual graph with its table in a file beside it: f32, row by row. */
  static byte[] external(int width, int vocabulary, String file) {
    return embedding(
        FLOAT,
        shape(width, vocabulary).bytes(13, entry("location", file)).number(14, 1),
        List.of(new Value("input_ids", INT64, -1, -1)),
        List.of(new Value("last_hidden_state", FLOAT, -1, -1, width)));
  }

  /** What {@link #external} has in its file. */
  static byte[] externalTable(int width, int vocabulary) {
    return values(width, vocabulary);
  }

  private static Message entry(String key, String value) {
    return new Message().text(1, key).text(2, value);
  }

  /** A tensor whose numbers are in these files. */
  static Message tensor(String... files) {
    Message tensor = new Message();
    for (String file : files) {
      tensor.bytes(13, entry("location", file)).bytes(13, entry("offset", "0"));
    }
    return tensor.number(14, 1);
  }

  private static byte[] embedding(
      int outputType, Message table, List<Value> inputs, List<Value> outputs) {
    Message graph = new Message();
    graph.bytes(1, node("Gather", List.of("table", inputs.getFirst().name()), "rows"));
    for (Value output : outputs) {
      graph.bytes(
          1, node("Cast", List.of("rows"), output.name()).bytes(5, integer("to", outputType)));
    }
    graph.text(2, "embedding");
    graph.bytes(5, table);
    inputs.forEach(input -> graph.bytes(11, value(input)));
    outputs.forEach(output -> graph.bytes(12, value(output)));
    return new Message()
        .number(1, 8)
        .bytes(7, graph)
        .bytes(8, new Message().text(1, "").number(2, 17))
        .toByteArray();
  }

  /** The usual names and types. */
  static byte[] embedding(int width, int outputType) {
    return embedding(width, outputType, VOCABULARY);
  }

  /** The same with a table of so many rows. */
  static byte[] embedding(int width, int outputType, int vocabulary) {
    return embedding(
        width,
        outputType,
        vocabulary,
        List.of(new Value("input_ids", INT64, -1, -1)),
        List.of(new Value("last_hidden_state", outputType, -1, -1, width)));
  }

  private static Message node(String operator, List<String> inputs, String output) {
    Message node = new Message();
    inputs.forEach(input -> node.text(1, input));
    return node.text(2, output).text(4, operator);
  }

  private static Message integer(String name, long value) {
    return new Message().text(1, name).number(3, value).number(20, 2);
  }

  private static byte[] values(int width, int vocabulary) {
    ByteBuffer values =
        ByteBuffer.allocate(vocabulary * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int row = 0; row < vocabulary; row++) {
      for (int column = 0; column < width; column++) {
        values.putFloat(row + 0.5f * column);
      }
    }
    return values.array();
  }

  private static Message table(int width, int vocabulary) {
    return shape(width, vocabulary).bytes(9, values(width, vocabulary));
  }

  private static Message shape(int width, int vocabulary) {
    return new Message().number(1, vocabulary).number(1, width).number(2, FLOAT).text(8, "table");
  }

  private static Message value(Value value) {
    Message shape = new Message();
    for (long dimension : value.dimensions()) {
      shape.bytes(
          1,
          dimension < 0
              ? new Message().text(2, "free" + dimension)
              : new Message().number(1, dimension));
    }
    Message tensor = new Message().number(1, value.type()).bytes(2, shape);
    return new Message().text(1, value.name()).bytes(2, new Message().bytes(1, tensor));
  }

  /** A protobuf message as it is written. */
  static final class Message extends ByteArrayOutputStream {

    Message number(int field, long value) {
      variable((long) field << 3);
      variable(value);
      return this;
    }

    Message text(int field, String value) {
      return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message bytes(int field, Message value) {
      return bytes(field, value.toByteArray());
    }

    Message bytes(int field, byte[] value) {
      variable(((long) field << 3) | 2);
      variable(value.length);
      writeBytes(value);
      return this;
    }

    private void variable(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        write((int) (rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      write((int) rest);
    }
  }
}
