package dev.gavel.cli.input;

import dev.gavel.cli.parquet.ParquetLines;
import dev.gavel.cli.parquet.ParquetRows;
import dev.gavel.cli.rows.Line;
import dev.gavel.cli.rows.LineReader;
import dev.gavel.cli.rows.Lines;
import dev.gavel.text.row.RowError;
import java.io.Closeable;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Reads sources one after another as windows of lines. Where a window ends depends on nothing but
 * the rows since the last one, so a run that goes on from the end of a window sees the same windows
 * as one that was never interrupted. The exception is standard input, whose rows are not kept
 * waiting. One thread, except for {@link #bytesRead}.
 */
public final class WindowReader implements Closeable {
  /** Text of a window, in bytes; a window has at least one line, however long. */
  static final long MOST_BYTES = 1 << 20;

  private final List<Source> sources;
  private final List<Long> lengths;
  private final InputStream standard;
  private final Shard shard;
  private final Limits limits;
  private final AtomicLong bytes = new AtomicLong();

  private int source;
  private long rows;
  private @Nullable Lines lines;
  private boolean interactive;
  private boolean endedEarly;
  private long startOffset;
  private long startLine;

  /**
   * Reads from a place on. Of files, what is there now is read.
   *
   * @param standard standard input
   */
  public WindowReader(
      List<Source> sources, InputStream standard, Position from, Shard shard, Limits limits) {
    this.sources = List.copyOf(sources);
    this.lengths = this.sources.stream().map(WindowReader::length).toList();
    this.standard = standard;
    this.shard = shard;
    this.limits = limits;
    this.source = from.source();
    this.rows = from.rows();
    this.startOffset = from.offset();
    this.startLine = from.line();
  }

  /**
   * The next window; empty at the end.
   *
   * @throws ReadFailure if a source cannot be read, or was cut since this was made
   */
  public Optional<Window> next() throws IOException {
    List<Window.Entry> entries = new ArrayList<>();
    long size = 0;
    while (source < sources.size()) {
      long before = offset();
      Optional<Line> line = line();
      if (line.isPresent()) {
        if (shard.has(rows)) {
          entries.add(new Window.Entry(source, line.get()));
          size += offset() - before;
        }
        rows++;
      }
      if (line.isEmpty() || endedEarly) {
        nextSource();
      }
      boolean full = entries.size() >= limits.windowRows() || size >= MOST_BYTES;
      if (full || (!entries.isEmpty() && mustNotWait())) {
        break;
      }
    }
    return entries.isEmpty()
        ? Optional.empty()
        : Optional.of(new Window(entries, size, position()));
  }

  /** Bytes of the sources read so far, as they are stored; any thread may ask. */
  public long bytesRead() {
    return bytes.get();
  }

  @Override
  public void close() throws IOException {
    if (lines != null) {
      lines.close();
      lines = null;
    }
  }

  // The last line of a source that ends early says so.
  private Optional<Line> line() throws IOException {
    try {
      return opened().next();
    } catch (EndsEarlyException e) {
      return Optional.of(
          unreadable(
              "%s ends early: after %d bytes of text, in line %d, it cannot be decompressed (%s). Rows before are kept; %s",
              e, "get the whole file to score the rest"));
    } catch (UnreadableException e) {
      return Optional.of(
          unreadable(
              "%s is not read further: after %d bytes of text, in line %d, it cannot be decompressed (%s). Rows before are kept; %s",
              e, e.advice()));
    }
  }

  private Line unreadable(String message, IOException e, String advice) {
    endedEarly = true;
    long collected = lines == null ? startOffset : lines.bytesCollected();
    long number = (lines == null ? startLine : lines.lines()) + 1;
    String reason = String.valueOf(e.getMessage());
    String told = message.formatted(sources.get(source).name(), collected, number, reason, advice);
    return new Line.Unreadable(number, new RowError("source", reason, told));
  }

  private long offset() {
    return lines == null ? startOffset : lines.bytesRead();
  }

  private boolean mustNotWait() throws IOException {
    Lines reader = lines;
    return interactive && reader != null && !reader.isReady();
  }

  private Position position() {
    return new Position(source, offset(), lines == null ? startLine : lines.lines(), rows);
  }

  // Some files of the system have no length and bytes all the same.
  private static long length(Source from) {
    try {
      long length = from.size();
      return length == 0 ? RawStream.UNKNOWN : length;
    } catch (IOException e) {
      // What is wrong is told when it is read.
      return RawStream.UNKNOWN;
    }
  }

  private long left(long length) {
    return length == RawStream.UNKNOWN ? length : Math.max(0, length - startOffset);
  }

  private void nextSource() throws IOException {
    close();
    source++;
    endedEarly = false;
    startOffset = 0;
    startLine = 0;
  }

  private Lines opened() throws IOException {
    Lines reader = lines;
    if (reader == null) {
      reader = open(sources.get(source));
      lines = reader;
    }
    return reader;
  }

  private Lines open(Source from) throws IOException {
    boolean regular = from.isRegularFile();
    if (regular && isParquet(from)) {
      interactive = false;
      return parquet(from);
    }
    InputStream raw = stored(from);
    TextStream text = TextStream.of(raw, from.name());
    interactive = !regular && !text.isCompressed();
    if (regular && !text.isCompressed() && startOffset > 0) {
      text.close();
      FileChannel channel = channel(from);
      channel.position(startOffset);
      bytes.addAndGet(startOffset);
      return new LineReader(
          new RawStream(
              Channels.newInputStream(channel), from.name(), bytes, left(lengths.get(source))),
          startLine,
          startOffset,
          limits.longestLine());
    }
    text.skipNBytes(startOffset);
    return new LineReader(text, startLine, startOffset, limits.longestLine());
  }

  private static boolean isParquet(Source from) throws IOException {
    try {
      return ParquetRows.is(from.path().orElseThrow());
    } catch (IOException e) {
      throw new ReadFailure(from.name(), e);
    }
  }

  private Lines parquet(Source from) throws IOException {
    try {
      return new ParquetLines(
          from.path().orElseThrow(), startLine, startOffset, limits.longestLine(), bytes);
    } catch (IOException e) {
      throw new ReadFailure(from.name(), e);
    }
  }

  private InputStream stored(Source from) throws IOException {
    return new RawStream(
        from.isRegularFile() ? Channels.newInputStream(channel(from)) : pipe(from),
        from.name(),
        bytes,
        lengths.get(source));
  }

  // Of a pipe, only FileInputStream knows whether more is there.
  private InputStream pipe(Source from) throws IOException {
    if (from.path().isEmpty()) {
      return standard;
    }
    try {
      return new FileInputStream(from.path().get().toFile());
    } catch (IOException e) {
      throw new ReadFailure(from.name(), e);
    }
  }

  private static FileChannel channel(Source from) throws IOException {
    try {
      return FileChannel.open(from.path().orElseThrow());
    } catch (IOException e) {
      throw new ReadFailure(from.name(), e);
    }
  }
}
