package dev.gavel.bindings;

import dev.gavel.bindings.spi.NativeSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Libraries extracted from jars, each in a directory named after the SHA-256 of its content: runs
 * share one copy, and two versions cannot meet in one place.
 *
 * <p>A file appears under its final name complete or not at all, and is compared with its hash
 * before every use. Several processes may extract at once.
 */
final class LibraryCache {
  private static final System.Logger LOGGER = System.getLogger("dev.gavel.bindings");

  private final Path directory;

  LibraryCache(Path directory) {
    this.directory = directory;
  }

  /**
   * A library on disk.
   *
   * @param path absolute path of the file
   * @param sha256 hash of its content
   */
  record Extracted(Path path, String sha256) {}

  /**
   * Makes a file of a natives artifact available on disk.
   *
   * @throws java.io.FileNotFoundException if the source has no such file
   * @throws IOException if it cannot be read or written, or the directory is not safe to load code
   *     from
   */
  Extracted extract(NativeSource source, String fileName) throws IOException {
    if (directory.toString().isBlank()) {
      throw new FileSystemException(
          "", null, "-D" + LibrarySettings.NATIVE_CACHE + " is set to nothing");
    }
    String sha256;
    try (InputStream in = source.open(fileName)) {
      sha256 = Hashing.sha256(in);
    }
    PrivateDirectory home = PrivateDirectory.open(directory).child(sha256);
    Path file = home.path().resolve(fileName);
    if (!isIntact(home, file, sha256)) {
      install(source, fileName, sha256, file);
    }
    return new Extracted(file, sha256);
  }

  private static boolean isIntact(PrivateDirectory home, Path file, String sha256)
      throws IOException {
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    if (home.holdsPrivately(file) && Hashing.sha256(file).equals(sha256)) {
      return true;
    }
    LOGGER.log(
        Level.WARNING,
        "{0} is not what was extracted to it: its content, owner or permissions changed. It is replaced by a fresh copy.",
        file);
    return false;
  }

  private static void install(NativeSource source, String fileName, String sha256, Path file)
      throws IOException {
    // Created for the owner alone, in the same directory so that the move is one rename.
    Path staging = Files.createTempFile(file.getParent(), "extract", null);
    try {
      String written;
      try (InputStream in = source.open(fileName);
          OutputStream out = Files.newOutputStream(staging)) {
        written = Hashing.copy(in, out);
      }
      if (!written.equals(sha256)) {
        throw new IOException(
            "%s of %s changed while it was read: SHA-256 %s, then %s"
                .formatted(fileName, source.getClass().getName(), sha256, written));
      }
      Files.move(staging, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(staging);
    }
    String found = Hashing.sha256(file);
    if (!found.equals(sha256)) {
      throw new IOException(
          "%s does not hold what was written to it: expected SHA-256 %s, found %s"
              .formatted(file, sha256, found));
    }
  }
}
