package dev.gavel.bindings;

import dev.gavel.bindings.spi.NativeSource;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Libraries extracted from jars, each in a directory named after the SHA-256 of its content (with
 * companions, of the hashes of all): runs share one copy, and two versions cannot meet in one
 * place.
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
   * A file of a natives artifact.
   *
   * @param source the artifact
   * @param fileName plain name of the file in it
   */
  record Part(NativeSource source, String fileName) {
    private String sha256() throws IOException {
      try (InputStream in = source.open(fileName)) {
        return Hashing.sha256(in);
      }
    }
  }

  /**
   * Makes a file of a natives artifact available on disk.
   *
   * @throws java.io.FileNotFoundException if the source has no such file
   * @throws IOException if it cannot be read or written, or the directory is not safe to load code
   *     from
   */
  Extracted extract(NativeSource source, String fileName) throws IOException {
    return extract(new Part(source, fileName), List.of());
  }

  /**
   * Makes a library available on disk, and beside it others that it opens from its own folder.
   * Which ones there are is part of the folder's name.
   *
   * @throws java.io.FileNotFoundException if a source has no such file
   * @throws IOException if a file cannot be read or written, or the directory is not safe to load
   *     code from
   */
  Extracted extract(Part library, List<Part> companions) throws IOException {
    if (directory.toString().isBlank()) {
      throw new FileSystemException(
          "", null, "-D" + LibrarySettings.NATIVE_CACHE + " is set to nothing");
    }
    String sha256 = library.sha256();
    List<String> companionHashes = new ArrayList<>();
    for (Part companion : companions) {
      companionHashes.add(companion.sha256());
    }
    String folder = sha256;
    if (!companions.isEmpty()) {
      String all = sha256 + "\n" + String.join("\n", companionHashes);
      folder = Hashing.sha256(new ByteArrayInputStream(all.getBytes(StandardCharsets.US_ASCII)));
    }
    PrivateDirectory home = PrivateDirectory.open(directory).child(folder);
    for (int i = 0; i < companions.size(); i++) {
      install(home, companions.get(i), companionHashes.get(i));
    }
    return new Extracted(install(home, library, sha256), sha256);
  }

  private static Path install(PrivateDirectory home, Part part, String sha256) throws IOException {
    Path file = home.path().resolve(part.fileName());
    if (!isIntact(home, file, sha256)) {
      install(part.source(), part.fileName(), sha256, file);
    }
    return file;
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
