package dev.gavel.cli.input;

import dev.gavel.cli.parquet.ParquetLines;
import dev.gavel.cli.parquet.ParquetRows;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.rows.LineReader;
import dev.gavel.cli.rows.Lines;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** The file rows come from, or standard input. */
public final class InputFile {
  private static final String STANDARD = "-";

  private final String name;
  private final Optional<State> atFirst;

  /** By which a change is told. */
  private record State(long size, FileTime changed) {}

  private InputFile(String name) {
    this.name = name;
    this.atFirst = state();
  }

  /** Checks that it can be read; what is read of it must be what is there now. */
  public static InputFile named(String option, String name) {
    if (!name.equals(STANDARD)) {
      Path path = Path.of(name);
      if (!Files.exists(path)) {
        throw CommandFailure.usage("%s %s: there is no such file".formatted(option, name));
      }
      if (Files.isDirectory(path)) {
        throw CommandFailure.usage(
            "%s %s is a folder; name a file of JSON lines".formatted(option, name));
      }
      if (!Files.isReadable(path)) {
        throw CommandFailure.usage(
            "%s %s cannot be read: permission denied".formatted(option, name));
      }
    }
    return new InputFile(name);
  }

  /** The file, unless it is standard input. */
  Optional<Path> path() {
    return name.equals(STANDARD) ? Optional.empty() : Optional.of(Path.of(name));
  }

  /** Bytes of it, or 0 where that is not known. */
  long size() throws IOException {
    return path().isPresent() && Files.isRegularFile(path().get()) ? Files.size(path().get()) : 0;
  }

  /** Opens it; standard input is the caller's. */
  public Lines open(InputStream standard) throws IOException {
    if (path().isEmpty()) {
      return new LineReader(TextStream.of(standard, "standard input"));
    }
    Path path = path().get();
    return ParquetRows.is(path)
        ? new ParquetLines(path, 0, 0, LineReader.LONGEST, new AtomicLong())
        : new LineReader(TextStream.of(Files.newInputStream(path), name));
  }

  /**
   * Checks, when all of it has been read, that nobody has written to it since it was named: its
   * rows would be partly those of before, and a hash taken before not of what was read.
   */
  public void requireUnchanged() {
    if (!state().equals(atFirst)) {
      throw CommandFailure.environment(
          "%s was changed while it was read; begin again when it is complete".formatted(name));
    }
  }

  // Of a pipe there is none: it is read once, as it comes.
  private Optional<State> state() {
    try {
      Optional<Path> file = path().filter(Files::isRegularFile);
      return file.isEmpty()
          ? Optional.empty()
          : Optional.of(new State(Files.size(file.get()), Files.getLastModifiedTime(file.get())));
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** What went wrong in reading it. */
  public CommandFailure failure(IOException e) {
    return CommandFailure.environment(
        "%s cannot be read: %s".formatted(name, SystemReason.reading(e)));
  }
}
