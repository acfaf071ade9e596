package dev.gavel.cli.output;

import dev.gavel.cli.output.OutputFailure.Kind;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * Where rows go. A file is written beside its place and moved there when it is complete, so that
 * what stands under its name is always whole; where the run fails or is interrupted, nothing is
 * left. Standard output, pipes and devices are written directly.
 */
public final class OutputTarget implements AutoCloseable {
  private final String name;
  private final OutputStream stream;
  private final Optional<Move> move;

  private record Move(Path from, Path to, boolean force, FileChannel channel, Thread hook) {}

  private OutputTarget(String name, OutputStream stream, Optional<Move> move) {
    this.name = name;
    this.stream = stream;
    this.move = move;
  }

  /** Standard output. */
  public static OutputTarget standard() {
    return standard(new FileOutputStream(FileDescriptor.out));
  }

  /** A stream in place of standard output. */
  public static OutputTarget standard(OutputStream stream) {
    return new OutputTarget("standard output", new BufferedOutputStream(stream), Optional.empty());
  }

  /**
   * A file.
   *
   * @param force whether a file that is there may be replaced
   * @throws OutputFailure if it exists and force is false, or cannot be written
   */
  public static OutputTarget file(Path file, boolean force) throws OutputFailure {
    try {
      if (Files.isDirectory(file)) {
        throw new OutputFailure(Kind.USAGE, "output %s is a folder; name a file".formatted(file));
      }
      if (Files.exists(file) && !Files.isRegularFile(file)) {
        return new OutputTarget(
            file.toString(),
            new BufferedOutputStream(Files.newOutputStream(file, StandardOpenOption.WRITE)),
            Optional.empty());
      }
      // A link is followed: what it points to is replaced, not the link.
      Path place = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      if (Files.exists(file) && !force) {
        throw new OutputFailure(
            Kind.USAGE,
            "output %s exists; give another name, or --force to replace it".formatted(file));
      }
      Path folder = place.getParent();
      if (folder == null || !Files.isDirectory(folder)) {
        throw new OutputFailure(
            Kind.USAGE,
            "output %s cannot be written: its folder does not exist; make it first"
                .formatted(file));
      }
      return beside(file, place, force);
    } catch (IOException e) {
      throw failure(file.toString(), e);
    }
  }

  private static OutputTarget beside(Path file, Path place, boolean force) throws IOException {
    Path partial =
        place.resolveSibling(
            "%s.%d.partial".formatted(place.getFileName(), ProcessHandle.current().pid()));
    FileChannel channel =
        FileChannel.open(partial, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
    Thread hook = new Thread(() -> partial.toFile().delete());
    Runtime.getRuntime().addShutdownHook(hook);
    OutputStream stream = new BufferedOutputStream(Channels.newOutputStream(channel));
    return new OutputTarget(
        file.toString(), stream, Optional.of(new Move(partial, place, force, channel, hook)));
  }

  /** Where to write; an error of it is told by {@link #failure(IOException)}. */
  public OutputStream stream() {
    return stream;
  }

  /** Whether this is standard output. */
  public boolean isStandard() {
    return name.equals("standard output");
  }

  /** Puts the complete file in its place. */
  public void complete() throws OutputFailure {
    try {
      stream.flush();
      if (move.isPresent()) {
        Move file = move.get();
        file.channel().force(true);
        stream.close();
        moveInto(file);
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** What a failed write means. */
  public OutputFailure failure(IOException e) {
    return failure(name, e);
  }

  /** Closes what is open, and removes a file that was not completed. */
  @Override
  public void close() {
    if (move.isPresent()) {
      Move file = move.get();
      try {
        // The channel, not the stream: a full disk would make the stream's own flush fail again.
        file.channel().close();
        Files.deleteIfExists(file.from());
      } catch (IOException e) {
        System.err.printf("gavel: %s could not be removed: %s%n", file.from(), e.getMessage());
      }
      try {
        Runtime.getRuntime().removeShutdownHook(file.hook());
      } catch (IllegalStateException e) {
        // The virtual machine is ending already, and the hook does the same as was done here.
        return;
      }
    }
  }

  private static void moveInto(Move file) throws IOException {
    if (!file.force()) {
      // Fails where a file has appeared since the check at the start.
      Files.move(file.from(), file.to());
      return;
    }
    try {
      Files.move(file.from(), file.to(), StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(file.from(), file.to(), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static OutputFailure failure(String name, IOException e) {
    String reason = e.getMessage() == null ? e.toString() : e.getMessage();
    if (reason.contains("Broken pipe")) {
      return new OutputFailure(Kind.READER_GONE, "%s: nobody reads any more".formatted(name), e);
    }
    if (e instanceof FileAlreadyExistsException) {
      return new OutputFailure(
          Kind.USAGE,
          "output %s: a file of this name appeared during the run; nothing was written"
              .formatted(name),
          e);
    }
    if (e instanceof AccessDeniedException) {
      return new OutputFailure(
          Kind.SYSTEM, "output %s cannot be written: permission denied".formatted(name), e);
    }
    return new OutputFailure(
        Kind.SYSTEM, "output %s cannot be written: %s".formatted(name, reason), e);
  }
}
