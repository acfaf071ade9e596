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
  static final String OFFSETS = "offsets";
  static final String ROWS = "rows";
  static final Map<String, String> METADATA =
      Map.of("gavel.format", "cache-shard", "gavel.format_version", "1");

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final int FIRST_CAPACITY = 1024;

  private final int width;
  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private HostTensor vectors;
  private long[] offsets = new long[FIRST_CAPACITY];
  private int rows;
  private int responses;

  ShardBuilder(int width) {
    this.width = width;
    this.vectors = HostTensor.allocate(DType.F32, FIRST_CAPACITY, width);
  }

  int rows() {
    return rows;
  }

  int responses() {
    return responses;
  }

  /** Bytes of the vectors so far. */
  long bytes() {
    return (long) responses * width * Float.BYTES;
  }

  /**
   * Adds a row.
   *
   * @param values its vectors, one after another; none for a failed row
   */
  void add(CachedRow row, float[] values) {
    int count = row.responses();
    if (values.length != count * (long) width) {
      throw new IllegalArgumentException(
          "%d numbers for %d vectors of %d".formatted(values.length, count, width));
    }
    reserve(responses + count);
    MemorySegment.copy(
        values, 0, vectors.segment(), FLOAT, (long) responses * width * Float.BYTES, values.length);
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
  }

  private void reserve(int needed) {
    long capacity = vectors.size(0);
    if (needed <= capacity) {
      return;
    }
    HostTensor larger = HostTensor.allocate(DType.F32, Math.max(needed, 2 * capacity), width);
    MemorySegment.copy(vectors.segment(), 0, larger.segment(), 0, bytes());
    vectors.close();
    vectors = larger;
  }
}
