package dev.gavel.cli.cache;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Collects rows until they are a file of a cache. Vectors lie outside of the heap, in memory that
 * grows to the largest file and is used again for the next. One thread.
 */
final class ShardBuilder implements AutoCloseable {
  static final String VECTORS = "vectors";
  static final String GATE_VECTORS = "gate_vectors";
  static final String OFFSETS = "offsets";
  static final String ROWS = "rows";
  static final Map<String, String> METADATA =
      Map.of("gavel.format", "cache-shard", "gavel.format_version", "1");

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final int FIRST_CAPACITY = 1024;

  private final int width;
  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private HostTensor vectors;
  private final boolean gated;
  private HostTensor gates;
  private long[] offsets = new long[FIRST_CAPACITY];
  private int rows;
  private int responses;

  /**
   * A builder.
   *
   * @param width D
   * @param gated whether a response has a second vector, for a gate
   */
  ShardBuilder(int width, boolean gated) {
    this.width = width;
    this.gated = gated;
    this.vectors = HostTensor.allocate(DType.F32, FIRST_CAPACITY, width);
    this.gates = HostTensor.allocate(DType.F32, gated ? FIRST_CAPACITY : 1, width);
  }

  int rows() {
    return rows;
  }

  int responses() {
    return responses;
  }

  /** Bytes of the vectors so far. */
  long bytes() {
    return (long) responses * width * perResponse() * Float.BYTES;
  }

  private int perResponse() {
    return gated ? 2 : 1;
  }

  /**
   * Adds a row.
   *
   * @param values its vectors, one after another, each with that of the gate behind it where there
   *     is one; none for a failed row
   */
  void add(CachedRow row, float[] values) {
    int count = row.responses();
    if (values.length != count * (long) width * perResponse()) {
      throw new IllegalArgumentException(
          "%d numbers for %d responses, %d vectors of %d each"
              .formatted(values.length, count, perResponse(), width));
    }
    reserve(responses + count);
    for (int i = 0; i < count; i++) {
      long at = (long) (responses + i) * width * Float.BYTES;
      int from = i * width * perResponse();
      MemorySegment.copy(values, from, vectors.segment(), FLOAT, at, width);
      if (gated) {
        MemorySegment.copy(values, from + width, gates.segment(), FLOAT, at, width);
      }
    }
    responses += count;
    rows++;
    if (rows == offsets.length) {
      offsets = java.util.Arrays.copyOf(offsets, 2 * rows);
    }
    offsets[rows] = responses;
    text.writeBytes((CachedRowJson.write(row) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Writes what was added, whole or not at all, and begins anew. */
  void write(Path file) {
    byte[] lines = text.toByteArray();
    try (HostTensor starts = HostTensor.of(java.util.Arrays.copyOf(offsets, rows + 1), rows + 1L);
        HostTensor bytes = HostTensor.allocate(DType.U8, lines.length)) {
      MemorySegment.copy(lines, 0, bytes.segment(), ValueLayout.JAVA_BYTE, 0, lines.length);
      Map<String, HostTensor> tensors = new LinkedHashMap<>();
      tensors.put(OFFSETS, starts);
      tensors.put(ROWS, bytes);
      if (responses > 0) {
        tensors.put(VECTORS, vectors.rows(0, responses));
        if (gated) {
          tensors.put(GATE_VECTORS, gates.rows(0, responses));
        }
      }
      Safetensors.write(file, METADATA, tensors);
    }
    text.reset();
    rows = 0;
    responses = 0;
  }

  @Override
  public void close() {
    vectors.close();
    gates.close();
  }

  private void reserve(int needed) {
    long capacity = vectors.size(0);
    if (needed <= capacity) {
      return;
    }
    long larger = Math.max(needed, 2 * capacity);
    vectors = grown(vectors, larger);
    if (gated) {
      gates = grown(gates, larger);
    }
  }

  private HostTensor grown(HostTensor full, long capacity) {
    HostTensor larger = HostTensor.allocate(DType.F32, capacity, width);
    MemorySegment.copy(
        full.segment(), 0, larger.segment(), 0, (long) responses * width * Float.BYTES);
    full.close();
    return larger;
  }
}
