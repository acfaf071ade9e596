package dev.gavel.cli.input;

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

  /** Bytes of it as they are stored, or 0 where that is not known. */
  public long size() throws IOException {
    return path.isPresent() && isRegularFile() ? Files.size(path.get()) : 0;
  }
}
