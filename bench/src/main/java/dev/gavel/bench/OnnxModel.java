package dev.gavel.bench;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Writes ONNX graphs: the few messages of onnx.proto3 that a head needs, in protobuf's wire format.
 * Field numbers are those of onnx/onnx.proto3 (IR version 8, operator set 13).
 */
final class OnnxModel {
  private static final int FLOAT = 1;
  private static final int INT64 = 7;

  private final ByteArrayOutputStream graph = new ByteArrayOutputStream();

  /** A node with one output. */
  OnnxModel node(String operator, List<String> inputs, String output, Attribute... attributes) {
    ByteArrayOutputStream node = new ByteArrayOutputStream();
    inputs.forEach(input -> text(node, 1, input));
    text(node, 2, output);
    text(node, 4, operator);
    for (Attribute attribute : attributes) {
      bytes(node, 5, attribute.encoded());
    }
    bytes(graph, 1, node.toByteArray());
    return this;
  }

  /** An attribute of a node. */
  record Attribute(String name, List<Long> values, boolean isList) {
    static Attribute of(String name, long value) {
      return new Attribute(name, List.of(value), false);
    }

    static Attribute list(String name, long... values) {
      return new Attribute(name, java.util.Arrays.stream(values).boxed().toList(), true);
    }

    private byte[] encoded() {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      text(out, 1, name);
      values.forEach(value -> number(out, isList ? 8 : 3, value));
      number(out, 20, isList ? 7 : 2);
      return out.toByteArray();
    }
  }

  /** A constant f32 tensor. */
  OnnxModel constant(String name, float[] values, long... sizes) {
    ByteBuffer raw = ByteBuffer.allocate(values.length * Float.BYTES);
    raw.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return constant(name, FLOAT, raw.array(), sizes);
  }

  /** A constant i64 tensor of one dimension. */
  OnnxModel constant(String name, long... values) {
    ByteBuffer raw = ByteBuffer.allocate(values.length * Long.BYTES);
    raw.order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().put(values);
    return constant(name, INT64, raw.array(), values.length);
  }

  private OnnxModel constant(String name, int type, byte[] raw, long... sizes) {
    ByteArrayOutputStream tensor = new ByteArrayOutputStream();
    for (long size : sizes) {
      number(tensor, 1, size);
    }
    number(tensor, 2, type);
    text(tensor, 8, name);
    bytes(tensor, 9, raw);
    bytes(graph, 5, tensor.toByteArray());
    return this;
  }

  /** An f32 input. */
  OnnxModel input(String name, long... sizes) {
    bytes(graph, 11, value(name, sizes));
    return this;
  }

  /** An f32 output. */
  OnnxModel output(String name, long... sizes) {
    bytes(graph, 12, value(name, sizes));
    return this;
  }

  /** The model as a file's bytes. */
  byte[] encoded() {
    ByteArrayOutputStream model = new ByteArrayOutputStream();
    number(model, 1, 8);
    ByteArrayOutputStream operators = new ByteArrayOutputStream();
    number(operators, 2, 13);
    bytes(model, 8, operators.toByteArray());
    return appendedTo(model.toByteArray());
  }

  /**
   * Another model with this one's nodes, constants and outputs added to its graph: protobuf merges
   * a message that occurs twice, lists by appending.
   */
  byte[] appendedTo(byte[] model) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(model);
    ByteArrayOutputStream named = new ByteArrayOutputStream();
    named.writeBytes(graph.toByteArray());
    text(named, 2, "head");
    bytes(out, 7, named.toByteArray());
    return out.toByteArray();
  }

  private static byte[] value(String name, long... sizes) {
    ByteArrayOutputStream shape = new ByteArrayOutputStream();
    for (long size : sizes) {
      ByteArrayOutputStream dimension = new ByteArrayOutputStream();
      number(dimension, 1, size);
      bytes(shape, 1, dimension.toByteArray());
    }
    ByteArrayOutputStream tensor = new ByteArrayOutputStream();
    number(tensor, 1, FLOAT);
    if (sizes.length > 0) {
      bytes(tensor, 2, shape.toByteArray());
    }
    ByteArrayOutputStream type = new ByteArrayOutputStream();
    bytes(type, 1, tensor.toByteArray());
    ByteArrayOutputStream value = new ByteArrayOutputStream();
    text(value, 1, name);
    bytes(value, 2, type.toByteArray());
    return value.toByteArray();
  }

  private static void text(ByteArrayOutputStream out, int field, String text) {
    bytes(out, field, text.getBytes(StandardCharsets.UTF_8));
  }

  static void bytes(ByteArrayOutputStream out, int field, byte[] value) {
    varint(out, field << 3 | 2);
    varint(out, value.length);
    out.writeBytes(value);
  }

  private static void number(ByteArrayOutputStream out, int field, long value) {
    varint(out, (long) field << 3);
    varint(out, value);
  }

  private static void varint(ByteArrayOutputStream out, long value) {
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      out.write((int) (rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    out.write((int) rest);
  }
}
