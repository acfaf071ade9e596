package dev.gavel.cli.output;

import dev.gavel.cli.output.OutputFailure.Kind;
import dev.gavel.message.SystemReason;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Standard output, a pipe or a device: what is written is gone, and cannot be taken back. */
public final class OutputTarget implements AutoCloseable {
  private final String name;
  private final OutputStream stream;
  private final boolean standard;

  private OutputTarget(String name, OutputStream stream, boolean standard) {
    this.name = name;
    this.stream = stream;
    this.standard = standard;
  }

  /** A stream in place of standard output. */
  public static OutputTarget standard(OutputStream stream) {
    return new OutputTarget("standard output", new BufferedOutputStream(stream), true);
  }

  /** The process's standard output. */
  public static OutputTarget standard() {
    return standard(new FileOutputStream(FileDescriptor.out));
  }

  /** A file that is there and is no regular one. */
  public static OutputTarget device(Path file) throws OutputFailure {
    String name = "output " + file;
    try {
      OutputStream stream = Files.newOutputStream(file, StandardOpenOption.WRITE);
      return new OutputTarget(name, new BufferedOutputStream(stream), false);
    } catch (IOException e) {
      throw failure(name, e);
    }
  }

  /** Where to write; an error of it is told by {@link #failure(IOException)}. */
  public OutputStream stream() {
    return stream;
  }

  /** Brings out what was written. */
  public void complete() throws OutputFailure {
    try {
      stream.flush();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** What a failed write means. */
  public OutputFailure failure(IOException e) {
    return failure(name, e);
  }

  /** Closes a device. */
  @Override
  public void close() throws OutputFailure {
    if (!standard) {
      try {
        stream.close();
      } catch (IOException e) {
        throw failure(e);
      }
    }
  }

  private static OutputFailure failure(String name, IOException e) {
    String reason = SystemReason.writing(e);
    return reason.contains("Broken pipe")
        ? new OutputFailure(Kind.READER_GONE, "%s: nobody reads any more".formatted(name), e)
        : new OutputFailure(Kind.SYSTEM, "%s cannot be written: %s".formatted(name, reason), e);
  }
}
