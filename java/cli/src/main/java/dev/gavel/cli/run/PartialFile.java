package dev.gavel.cli.run;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The part of an output that is there, with its checksum. Compressed, it is a row of parts; where a
 * part may end is decided by the text written alone, never by time, or a run that was interrupted
 * would write other bytes.
 */
final class PartialFile implements AutoCloseable {
  /** Text of a compressed part, at least: enough that parts cost next to nothing. */
  static final long PART_BYTES = 1 << 20;

  private static final int BUFFER = 1 << 17;

  private final FileChannel channel;
  private final Compression compression;
  private final CRC32C crc = new CRC32C();
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
  private final Stored stored = new Stored();
  private @Nullable OutputStream part;
  private long partBytes;
  private long bytes;

  PartialFile(Path path, Compression compression) throws IOException {
    this.compression = compression;
    this.channel =
        FileChannel.open(
            path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
  }

  /**
   * Keeps the longest start of the file that one of the checkpoints describes, and forgets the
   * rest.
   *
   * @return that checkpoint, or empty where none does; the file is empty then
   */
  Optional<Checkpoint> keep(Collection<Checkpoint> checkpoints) throws IOException {
    List<Checkpoint> sorted =
        checkpoints.stream().sorted(Comparator.comparingLong(Checkpoint::bytes)).toList();
    Optional<Checkpoint> best = Optional.empty();
    long bestCrc = 0;
    CRC32C sum = new CRC32C();
    long at = 0;
    channel.position(0);
    for (Checkpoint checkpoint : sorted) {
      if (checkpoint.bytes() > channel.size()) {
        break;
      }
      at += read(channel, sum, checkpoint.bytes() - at);
      if (sum.getValue() == checkpoint.crc()) {
        best = Optional.of(checkpoint);
        bestCrc = sum.getValue();
      }
    }
    bytes = best.map(Checkpoint::bytes).orElse(0L);
    channel.truncate(bytes);
    channel.position(0);
    crc.reset();
    if (read(channel, crc, bytes) != bytes || crc.getValue() != bestCrc) {
      throw new IOException("it changed while it was read");
    }
    return best;
  }

  /** Checksum of a whole file. */
  static long checksum(Path path) throws IOException {
    CRC32C sum = new CRC32C();
    try (FileChannel file = FileChannel.open(path)) {
      read(file, sum, Long.MAX_VALUE);
    }
    return sum.getValue();
  }

  /** Adds text. */
  void write(byte[] text) throws IOException {
    OutputStream to = part;
    if (to == null) {
      to = compression.part(stored);
      part = to;
    }
    to.write(text);
    partBytes += text.length;
  }

  /** Whether what was written so far may be the end of a part, where a checkpoint may be. */
  boolean endPart() throws IOException {
    if (compression == Compression.NONE) {
      return true;
    }
    if (partBytes < PART_BYTES) {
      return false;
    }
    closePart();
    return true;
  }

  /** Brings everything to the disk, the end of the last part included. */
  void finish() throws IOException {
    if (bytes == 0 && part == null) {
      // A file without any byte is no compressed file: what unpacks it calls it cut short.
      part = compression.part(stored);
    }
    closePart();
    force();
  }

  /** Brings everything of the parts that ended to the disk. */
  void force() throws IOException {
    flush();
    channel.force(false);
  }

  /** Bytes of the file. */
  long bytes() {
    return bytes;
  }

  /** Checksum of the file. */
  long crc() {
    return crc.getValue();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private void closePart() throws IOException {
    if (part != null) {
      part.close();
      part = null;
      partBytes = 0;
    }
  }

  private static long read(FileChannel from, CRC32C sum, long length) throws IOException {
    ByteBuffer piece = ByteBuffer.allocate(BUFFER);
    long left = length;
    while (left > 0) {
      piece.clear().limit((int) Math.min(left, BUFFER));
      int count = from.read(piece);
      if (count < 0) {
        break;
      }
      sum.update(piece.flip());
      left -= count;
    }
    return length - left;
  }

  private void flush() throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }

  /** What is stored, after compression. Closing it is the end of a part, not of the file. */
  private final class Stored extends OutputStream {
    @Override
    public void write(int one) throws IOException {
      write(new byte[] {(byte) one}, 0, 1);
    }

    @Override
    public void write(byte[] from, int offset, int length) throws IOException {
      crc.update(from, offset, length);
      bytes += length;
      int at = offset;
      int left = length;
      while (left > 0) {
        if (!buffer.hasRemaining()) {
          PartialFile.this.flush();
        }
        int count = Math.min(left, buffer.remaining());
        buffer.put(from, at, count);
        at += count;
        left -= count;
      }
    }
  }
}
