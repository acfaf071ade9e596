package dev.gavel.cli.run;

import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.OutputFailure.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The record of a run, a file of lines beside its output. Only ever appended to, except where a run
 * starts anew; whoever has it open holds the lock on the output. One channel reads, writes and
 * locks it: the system drops a lock as soon as its process closes any other descriptor of the file.
 */
final class RunJournal implements AutoCloseable {
  private static final int MOST_TRIES = 20;
  private static final long MOST_BYTES = 1L << 30;

  private final Path path;
  private final FileChannel channel;
  private final List<RunRecord> records;
  private final long validBytes;

  private RunJournal(Path path, FileChannel channel, List<RunRecord> records, long validBytes) {
    this.path = path;
    this.channel = channel;
    this.records = records;
    this.validBytes = validBytes;
  }

  /**
   * Opens and locks it; makes it where there is none.
   *
   * @throws OutputFailure if another run holds it
   */
  static RunJournal open(Path path, Path output) throws OutputFailure, IOException {
    for (int i = 0; i < MOST_TRIES; i++) {
      FileChannel channel =
          FileChannel.open(
              path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
      try {
        Optional<Object> before = key(path);
        lock(channel, output);
        // A run that failed early removed the file between the two steps: try again with a new one.
        if (before.isPresent() && before.equals(key(path))) {
          return read(path, channel);
        }
        channel.close();
      } catch (IOException | OutputFailure | RuntimeException e) {
        channel.close();
        throw e;
      }
    }
    throw new OutputFailure(
        Kind.SYSTEM, "%s comes and goes; another run keeps failing on it".formatted(path));
  }

  /**
   * Its whole lines, in order. What follows the first that is not whole, or not where a run writes
   * it, is not among them.
   */
  List<RunRecord> records() {
    return records;
  }

  /** Forgets everything and begins with this record. */
  void restart(RunRecord first) throws IOException {
    channel.truncate(0);
    channel.position(0);
    append(first);
  }

  /** Goes on after the last whole line. */
  void resume() throws IOException {
    channel.truncate(validBytes);
    channel.position(validBytes);
  }

  /** Adds a line; on the disk when this returns. */
  void append(RunRecord record) throws IOException {
    ByteBuffer line = ByteBuffer.wrap(RunRecord.write(record));
    while (line.hasRemaining()) {
      channel.write(line);
    }
    channel.force(false);
  }

  /** Removes it, where it holds nothing. */
  void deleteIfEmpty() throws IOException {
    if (channel.size() == 0) {
      Files.deleteIfExists(path);
    }
  }

  /** Removes it. */
  void delete() throws IOException {
    channel.truncate(0);
    deleteIfEmpty();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private static void lock(FileChannel channel, Path output) throws IOException, OutputFailure {
    if (tryLock(channel) == null) {
      throw new OutputFailure(
          Kind.USAGE,
          "output %s is being written by another run; wait for it, or give another name"
              .formatted(output));
    }
  }

  // Held until the channel is closed. Null where another run has it, in this process or another.
  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private static Optional<Object> key(Path path) throws IOException {
    try {
      return Optional.ofNullable(Files.readAttributes(path, BasicFileAttributes.class).fileKey());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  // Settings once and first, places in the input that do not go back, the end last.
  private static boolean follows(List<RunRecord> before, RunRecord next) {
    if (before.isEmpty()) {
      return next instanceof RunRecord.Settings;
    }
    return switch (next) {
      case RunRecord.Settings _ -> false;
      case RunRecord.Complete _ -> true;
      case RunRecord.At(Checkpoint at) ->
          switch (before.getLast()) {
            case RunRecord.Settings _ -> true;
            case RunRecord.At(Checkpoint last) -> last.position().rows() <= at.position().rows();
            case RunRecord.Complete _ -> false;
          };
    };
  }

  private static RunJournal read(Path path, FileChannel channel) throws IOException, OutputFailure {
    if (channel.size() > MOST_BYTES) {
      throw new OutputFailure(Kind.USAGE, "%s is no record of a run; move it away".formatted(path));
    }
    channel.position(0);
    // The stream is not closed: that would close the channel, and with it the lock.
    byte[] content = Channels.newInputStream(channel).readAllBytes();
    List<RunRecord> records = new ArrayList<>();
    int from = 0;
    while (true) {
      int end = from;
      while (end < content.length && content[end] != '\n') {
        end++;
      }
      if (end == content.length) {
        break;
      }
      Optional<RunRecord> record =
          RunRecord.read(new String(content, from, end - from, StandardCharsets.UTF_8));
      if (record.isEmpty() || !follows(records, record.get())) {
        break;
      }
      records.add(record.get());
      from = end + 1;
    }
    return new RunJournal(path, channel, List.copyOf(records), from);
  }
}
