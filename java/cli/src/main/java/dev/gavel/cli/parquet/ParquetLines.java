package dev.gavel.cli.parquet;

import dev.gavel.cli.rows.Line;
import dev.gavel.cli.rows.Lines;
import dev.gavel.text.row.BadRowException;
import dev.gavel.text.row.RowError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a Parquet file as lines of JSON; a line's number is the row's, from 1. What cannot be
 * read is a line that says so. One thread.
 */
public final class ParquetLines implements Lines {
  private final Path file;
  private final int longest;
  private final AtomicLong progress;
  private final @Nullable ParquetRows rows;
  private @Nullable RowError damage;
  private long number;
  private long bytes;
  private long told;

  /**
   * Goes on in the middle of a file, in front of a row.
   *
   * @param lines rows in front of the place
   * @param bytes bytes of their lines
   * @param longest most bytes of a line
   * @param progress what bytes of the file are added to as they are read; other threads may look
   * @throws IOException if the system refuses to read it
   */
  public ParquetLines(Path file, long lines, long bytes, int longest, AtomicLong progress)
      throws IOException {
    this.file = file;
    this.longest = longest;
    this.progress = progress;
    this.number = lines;
    this.bytes = bytes;
    ParquetRows opened = null;
    try {
      opened = ParquetRows.open(file);
      opened.skipTo(lines);
    } catch (ParquetRows.DamagedException e) {
      // Told once: a run that goes on after that has nothing more to read.
      damage =
          lines == 0
              ? error(String.valueOf(e.getMessage()), "nothing of it can be read", e.remedy())
              : null;
    }
    this.rows = opened;
  }

  @Override
  public Optional<Line> next() {
    RowError whole = damage;
    if (whole != null) {
      damage = null;
      number++;
      return Optional.of(new Line.Unreadable(number, whole));
    }
    if (rows == null) {
      return Optional.empty();
    }
    Optional<ParquetRows.Item> item = rows.next();
    progress.addAndGet(rows.bytesRead() - told);
    told = rows.bytesRead();
    return item.map(this::line);
  }

  private Line line(ParquetRows.Item item) {
    return switch (item) {
      case ParquetRows.Item.Damaged(long row, long end, String reason, String remedy) -> {
        number = end;
        yield new Line.Unreadable(row + 1, error(reason, "other row groups are kept", remedy));
      }
      case ParquetRows.Item.Whole whole -> {
        number = whole.row() + 1;
        try {
          String text = ParquetJson.line(whole.group());
          int length = text.getBytes(StandardCharsets.UTF_8).length;
          bytes += length;
          yield length <= longest
              ? new Line.Text(number, text)
              : new Line.Unreadable(
                  number,
                  new RowError(
                      "row",
                      "%d bytes".formatted(length),
                      "the row has %d bytes as JSON; at most %d are read: split it, or give the Java virtual machine more memory"
                          .formatted(length, longest)));
        } catch (BadRowException e) {
          yield new Line.Unreadable(number, e.error());
        }
      }
    };
  }

  private RowError error(String reason, String kept, String remedy) {
    return new RowError("source", reason, "%s: %s; %s. %s".formatted(file, reason, kept, remedy));
  }

  @Override
  public long bytesRead() {
    return bytes;
  }

  @Override
  public long bytesCollected() {
    return bytes;
  }

  @Override
  public long lines() {
    return number;
  }

  @Override
  public boolean isReady() {
    return true;
  }

  @Override
  public void close() throws IOException {
    if (rows != null) {
      rows.close();
    }
  }
}
