package dev.gavel.cli.cache;

import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import dev.gavel.cli.input.ArrayStream;
import dev.gavel.cli.rows.Line;
import dev.gavel.cli.rows.LineReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Optional;

/**
 * An open file of a cache, mapped: vectors f32 [R, D] and of a gated cache those of its gate,
 * offsets i64 [rows + 1] of every row's first vector, from 0 to R, and rows u8, a line of JSON for
 * each. All of them are checked: shapes and offsets when it is opened, rows as they are read.
 */
public final class CacheShard implements AutoCloseable {
  private final Path path;
  private final Safetensors file;
  private final CacheIndex.Shard expected;
  private final HostTensor offsets;

  private CacheShard(Path path, Safetensors file, CacheIndex.Shard expected, HostTensor offsets) {
    this.path = path;
    this.file = file;
    this.expected = expected;
    this.offsets = offsets;
  }

  static CacheShard open(Path path, CacheIndex.Shard expected, int width, boolean gated) {
    Safetensors file = Safetensors.open(path);
    try {
      if (!file.metadata().equals(ShardBuilder.METADATA)) {
        throw new FormatException(
            path,
            "has metadata %s; a file of a cache has %s"
                .formatted(file.metadata(), ShardBuilder.METADATA));
      }
      if (expected.responses() > 0) {
        require(path, file, ShardBuilder.VECTORS, "F32", expected.responses(), width);
        if (gated) {
          require(path, file, ShardBuilder.GATE_VECTORS, "F32", expected.responses(), width);
        }
      }
      require(path, file, ShardBuilder.OFFSETS, "I64", Long.valueOf(expected.rows() + 1));
      if (!file.entry(ShardBuilder.ROWS).dtype().equals("U8")) {
        throw new FormatException(
            path, "has rows as %s; they must be U8".formatted(file.entry(ShardBuilder.ROWS)));
      }
      HostTensor offsets = file.read(ShardBuilder.OFFSETS);
      try {
        checkOffsets(path, offsets, expected.responses());
        return new CacheShard(path, file, expected, offsets);
      } catch (RuntimeException e) {
        offsets.close();
        throw e;
      }
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** Takes a row and the number of its first vector. */
  @FunctionalInterface
  public interface RowSink<E extends Exception> {
    /** One more row. */
    void accept(CachedRow row, int firstVector) throws E;
  }

  /** R, the vectors. */
  public int responses() {
    return (int) expected.responses();
  }

  /** Rows, failed ones included. */
  int rows() {
    return (int) expected.rows();
  }

  /**
   * All vectors, f32 [R, D], in the mapped file: kernels read it in place. A view that closes with
   * this. Call {@link #requireWhole} before each use.
   *
   * @throws IllegalStateException if there is none
   */
  public HostTensor vectors() {
    if (responses() == 0) {
      throw new IllegalStateException("%s has no vectors".formatted(path));
    }
    return file.view(ShardBuilder.VECTORS);
  }

  /** Bytes of the vectors in the mapped file, for copies made by Java. */
  public MemorySegment vectorBytes() {
    return file.segment(ShardBuilder.VECTORS);
  }

  /** Bytes of the vectors that a gate reads, one for each response; only of a gated cache. */
  MemorySegment gateVectorBytes() {
    return file.segment(ShardBuilder.GATE_VECTORS);
  }

  /** Checks that the file was not shortened since it was opened. */
  void requireWhole() {
    file.requireWhole();
  }

  /**
   * Reads rows in order.
   *
   * @param from the first row wanted, from 0
   * @throws FormatException if a row is not one, or does not agree with the offsets
   */
  public <E extends Exception> void rows(int from, RowSink<E> sink) throws E {
    int number = 0;
    try (LineReader lines = new LineReader(new SegmentStream(file.segment(ShardBuilder.ROWS)))) {
      Optional<Line> line = lines.next();
      while (line.isPresent()) {
        if (number == rows()) {
          throw new FormatException(path, "has more than %d rows".formatted(rows()));
        }
        if (number >= from) {
          sink.accept(row(line.get(), number), (int) offsets.longAt(number));
        }
        number++;
        line = lines.next();
      }
    } catch (IOException e) {
      throw new FormatException(path, "has rows that cannot be read: " + e, e);
    }
    if (number != rows()) {
      throw new FormatException(path, "has %d rows; it must have %d".formatted(number, rows()));
    }
  }

  private CachedRow row(Line line, int number) {
    try {
      CachedRow row =
          switch (line) {
            case Line.Text(long _, String text) -> CachedRowJson.read(text);
            case Line.Unreadable(long _, dev.gavel.text.row.RowError error) ->
                throw new CachedRowJson.WrongRowException(error.message());
          };
      long vectors = offsets.longAt(number + 1L) - offsets.longAt(number);
      if (vectors != row.responses()) {
        throw new CachedRowJson.WrongRowException(
            "has %d responses and %d vectors".formatted(row.responses(), vectors));
      }
      return row;
    } catch (CachedRowJson.WrongRowException e) {
      throw new FormatException(path, "row %d %s".formatted(number, e.getMessage()), e);
    }
  }

  @Override
  public void close() {
    offsets.close();
    file.close();
  }

  private static void require(
      Path path, Safetensors file, String name, String dtype, Long... shape) {
    Safetensors.Entry entry = file.entry(name);
    if (!entry.dtype().equals(dtype) || !entry.shape().equals(java.util.List.of(shape))) {
      throw new FormatException(
          path,
          "has %s as %s; the index says %s%s"
              .formatted(name, entry, dtype, java.util.Arrays.toString(shape).replace(" ", "")));
    }
  }

  private static void require(
      Path path, Safetensors file, String name, String dtype, long rows, int width) {
    require(path, file, name, dtype, Long.valueOf(rows), Long.valueOf(width));
  }

  private static void checkOffsets(Path path, HostTensor offsets, long responses) {
    long before = 0;
    for (long i = 0; i < offsets.elementCount(); i++) {
      long offset = offsets.longAt(i);
      if (offset < before || offset > responses || (i == 0 && offset != 0)) {
        throw new FormatException(
            path,
            "has offset %d at row %d, after %d; offsets must begin with 0 and never fall, up to %d"
                .formatted(offset, i, before, responses));
      }
      before = offset;
    }
    if (before != responses) {
      throw new FormatException(
          path, "has offsets up to %d, and %d vectors".formatted(before, responses));
    }
  }

  /** Bytes of a mapped file as a stream. */
  private static final class SegmentStream extends ArrayStream {
    private final MemorySegment segment;
    private long position;

    SegmentStream(MemorySegment segment) {
      this.segment = segment;
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
      int count = (int) Math.min(length, segment.byteSize() - position);
      if (count <= 0) {
        return length == 0 ? 0 : -1;
      }
      try {
        MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, position, to, offset, count);
      } catch (InternalError e) {
        throw new IOException("the file was shortened while it was open", e);
      }
      position += count;
      return count;
    }
  }
}
