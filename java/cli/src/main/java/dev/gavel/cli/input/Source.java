package dev.gavel.cli.input;

import dev.gavel.cli.program.FileNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where rows come from.
 *
 * @param name as people know it
 * @param path the file, or empty for standard input
 */
public record Source(String name, Optional<Path> path) {
  /** Standard input. */
  static Source standard() {
    return new Source("standard input", Optional.empty());
  }

  /** A file. */
  public static Source file(Path path) {
    return new Source(path.toString(), Optional.of(path));
  }

  /** Whether it can be read again from any place: neither standard input, nor a pipe. */
  public boolean isRegularFile() {
    return path.isPresent() && Files.isRegularFile(path.get());
  }

  /** What changes when the file does, in words; the same for all that cannot be read again. */
  String stamp() {
    if (!isRegularFile()) {
      return "no file";
    }
    Path file = path.orElseThrow();
    try {
      return "%d bytes of %s".formatted(Files.size(file), Files.getLastModifiedTime(file));
    } catch (IOException e) {
      return "one that cannot be read (%s)".formatted(FileNames.reason(e));
    }
  }

  /** Bytes of it as they are stored, or 0 where that is not known. */
  public long size() throws IOException {
    return path.isPresent() && isRegularFile() ? Files.size(path.get()) : 0;
  }
}
