package dev.gavel.cli.parquet;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.crypto.ParquetCryptoRuntimeException;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a Parquet file, in order. A row group is in memory at a time. One that is damaged is
 * told once, and the rows after it are read; a file without its end, where Parquet keeps what
 * everything is, cannot be read at all. One thread.
 */
public final class ParquetRows implements Closeable {
  // The first bytes of a file; of one whose index is encrypted, too.
  private static final Set<String> MAGIC = Set.of("PAR1", "PARE");
  private static final int MAGIC_BYTES = 4;

  /** Compressions that are read; the library looks for others in Hadoop, which is not here. */
  private static final Set<CompressionCodecName> CODECS =
      EnumSet.of(
          CompressionCodecName.UNCOMPRESSED,
          CompressionCodecName.SNAPPY,
          CompressionCodecName.GZIP,
          CompressionCodecName.ZSTD,
          CompressionCodecName.LZ4_RAW);

  private static final String DAMAGED =
      "It is damaged or cut short: get the whole file to score the rest";
  private static final String ENCRYPTED = "It is encrypted: write it anew without encryption";
  private static final String OTHER_CODEC =
      "Write it anew, uncompressed or with snappy, gzip, zstd or lz4_raw";

  // Compressed and decompressed pages of a row group are on the heap together.
  private static final int PART_OF_HEAP = 3;

  private final Path path;
  private final ParquetFileReader reader;
  private final MessageType schema;
  private final List<BlockMetaData> blocks;
  private int block;
  private long row;
  private long blockEnd;
  private @Nullable RecordReader<Group> records;

  private ParquetRows(Path path, ParquetFileReader reader) {
    this.path = path;
    this.reader = reader;
    this.schema = reader.getFooter().getFileMetaData().getSchema();
    this.blocks = reader.getFooter().getBlocks();
  }

  /** A file, or a part of one, that is not what Parquet must be. */
  public static final class DamagedException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String remedy;

    DamagedException(String message, String remedy, Throwable cause) {
      super(message, cause);
      this.remedy = remedy;
    }

    /** What to do, as a sentence without its full stop. */
    public String remedy() {
      return remedy;
    }
  }

  /** What stands in a place of the file. */
  public sealed interface Item {
    /** Number of its first row, from 0. */
    long row();

    /**
     * A row.
     *
     * @param row its number
     * @param group all its columns
     */
    record Whole(long row, Group group) implements Item {}

    /**
     * Rows that cannot be read.
     *
     * @param row the first of them
     * @param end the first row after them
     * @param reason why
     * @param remedy what to do, as a sentence without its full stop
     */
    record Damaged(long row, long end, String reason, String remedy) implements Item {}
  }

  /**
   * Whether a file says that it is one: its first bytes are PAR1 or PARE, and no row's are. One
   * without any byte says it by its name: it was cut before its first, and has no rows in JSON.
   */
  public static boolean is(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (InputStream in = Files.newInputStream(file)) {
      String start = new String(in.readNBytes(MAGIC_BYTES), StandardCharsets.ISO_8859_1);
      return MAGIC.contains(start) || (start.isEmpty() && file.toString().endsWith(".parquet"));
    }
  }

  /**
   * Opens a file.
   *
   * @throws DamagedException if it has no end that tells what is in it, or one that is encrypted
   * @throws IOException if the system refuses to read it
   */
  public static ParquetRows open(Path file) throws IOException, DamagedException {
    // The library says the same thing for a disk that fails and for a wrong byte: ask the disk
    // first.
    long bytes = Files.size(file);
    try (InputStream in = Files.newInputStream(file)) {
      in.skipNBytes(Math.max(0, bytes - 1));
    }
    try {
      ParquetFileReader reader =
          ParquetFileReader.open(new LocalInputFile(file), PageCodecs.readOptions());
      try {
        return new ParquetRows(file, reader);
      } catch (RuntimeException e) {
        reader.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      throw new DamagedException(
          "it has %d bytes and no valid end, where a Parquet file keeps what its columns are (%s)"
              .formatted(bytes, reason(e)),
          remedy(e),
          e);
    }
  }

  /** Its columns. */
  public MessageType schema() {
    return schema;
  }

  /** The next row, or rows that cannot be read; empty at the end. */
  public Optional<Item> next() {
    if (records == null || row == blockEnd) {
      Optional<Item> damaged = nextBlock();
      if (damaged.isPresent() || records == null) {
        return damaged;
      }
    }
    long number = row;
    try {
      Group group = records.read();
      row++;
      return Optional.of(new Item.Whole(number, group));
    } catch (RuntimeException e) {
      return Optional.of(damaged(number, reason(e), remedy(e)));
    }
  }

  /** Passes over rows in front of this one; whole row groups are not read. */
  public void skipTo(long wanted) {
    long start = 0;
    while (block < blocks.size() && start + blocks.get(block).getRowCount() <= wanted) {
      start += blocks.get(block).getRowCount();
      block++;
    }
    row = start;
    blockEnd = start;
    while (row < wanted && next().isPresent()) {
      // Read and forgotten: Parquet has no other way to a row inside a group.
    }
  }

  /** Bytes of the row groups up to the one that is read. */
  public long bytesRead() {
    return blocks.subList(0, block).stream().mapToLong(BlockMetaData::getCompressedSize).sum();
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }

  // `records` is null at the end.
  private Optional<Item> nextBlock() {
    records = null;
    while (block < blocks.size()) {
      int number = block;
      long rows = blocks.get(number).getRowCount();
      block++;
      blockEnd = row + rows;
      if (rows <= 0) {
        continue;
      }
      Optional<ColumnChunkMetaData> unread =
          blocks.get(number).getColumns().stream()
              .filter(column -> !CODECS.contains(column.getCodec()))
              .findFirst();
      if (unread.isPresent()) {
        return Optional.of(
            damaged(
                row,
                "column %s is compressed with %s"
                    .formatted(unread.get().getPath().toDotString(), unread.get().getCodec()),
                OTHER_CODEC));
      }
      requireRoom(number);
      try {
        PageReadStore pages = reader.readRowGroup(number);
        records =
            new ColumnIOFactory()
                .getColumnIO(schema)
                .getRecordReader(pages, new GroupRecordConverter(schema));
        return Optional.empty();
      } catch (IOException | RuntimeException e) {
        return Optional.of(damaged(row, reason(e), remedy(e)));
      }
    }
    return Optional.empty();
  }

  private void requireRoom(int number) {
    long bytes = blocks.get(number).getTotalByteSize();
    long most = Runtime.getRuntime().maxMemory() / PART_OF_HEAP;
    if (bytes > most) {
      throw new dev.gavel.OutOfHostMemoryException(
          "%s: row group %d has %d bytes; at most %d are read with this heap. Write smaller row groups, or give the Java virtual machine more memory"
              .formatted(path, number + 1, bytes, most));
    }
  }

  private Item damaged(long from, String reason, String remedy) {
    records = null;
    row = blockEnd;
    return new Item.Damaged(
        from,
        blockEnd,
        "rows %d to %d, the rest of row group %d of %d, cannot be read (%s)"
            .formatted(from + 1, blockEnd, block, blocks.size(), reason),
        remedy);
  }

  private static String remedy(Exception e) {
    return e instanceof ParquetCryptoRuntimeException ? ENCRYPTED : DAMAGED;
  }

  // The library wraps what went wrong; the first line of the innermost says it best.
  private static String reason(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = cause.getMessage() == null ? "" : cause.getMessage();
    return cause.getClass().getSimpleName()
        + message.lines().findFirst().map(line -> ": " + line).orElse("");
  }
}
