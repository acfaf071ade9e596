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
 * Libraries extracted from jars, each in a directory named after the hash of its content (with
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
   * @param hash of its content
   */
  record Extracted(Path path, String hash) {}

  /** A file of a jar. */
  interface Part {
    /** Its plain name. */
    String fileName();

    /** What it is a file of, for people. */
    String origin();

    /** Opens its content. */
    InputStream open() throws IOException;

    /** By what its content is known. */
    Hashing hashing();

    /** Hash of its content. */
    String hash() throws IOException;
  }

  /**
   * A file of a natives artifact.
   *
   * @param source the artifact
   * @param fileName plain name of the file in it
   */
  record NativePart(NativeSource source, String fileName) implements Part {
    @Override
    public String origin() {
      return source.getClass().getName();
    }

    @Override
    public InputStream open() throws IOException {
      return source.open(fileName);
    }

    @Override
    public Hashing hashing() {
      return Hashing.SHA_256;
    }

    @Override
    public String hash() throws IOException {
      try (InputStream in = open()) {
        return Hashing.SHA_256.of(in);
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
    return extract(new NativePart(source, fileName), List.of());
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
    String hash = library.hash();
    List<String> companionHashes = new ArrayList<>();
    for (Part companion : companions) {
      companionHashes.add(companion.hash());
    }
    String folder = hash;
    if (!companions.isEmpty()) {
      String all = hash + "\n" + String.join("\n", companionHashes);
      folder =
          Hashing.SHA_256.of(new ByteArrayInputStream(all.getBytes(StandardCharsets.US_ASCII)));
    }
    PrivateDirectory home = PrivateDirectory.open(directory).child(folder);
    for (int i = 0; i < companions.size(); i++) {
      install(home, companions.get(i), companionHashes.get(i));
    }
    return new Extracted(install(home, library, hash), hash);
  }

  private static Path install(PrivateDirectory home, Part part, String hash) throws IOException {
    Path file = home.path().resolve(part.fileName());
    if (!isIntact(home, file, part.hashing(), hash)) {
      install(part, hash, file);
    }
    return file;
  }

  private static boolean isIntact(PrivateDirectory home, Path file, Hashing hashing, String hash)
      throws IOException {
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    if (home.holdsPrivately(file) && hashing.of(file).equals(hash)) {
      return true;
    }
    LOGGER.log(
        Level.WARNING,
        "{0} is not what was extracted to it: its content, owner or permissions changed. It is replaced by a fresh copy.",
        file);
    return false;
  }

  private static void install(Part part, String hash, Path file) throws IOException {
    // Created for the owner alone, in the same directory so that the move is one rename.
    Path staging = Files.createTempFile(file.getParent(), "extract", null);
    try {
      String written;
      try (InputStream in = part.open();
          OutputStream out = Files.newOutputStream(staging)) {
        written = part.hashing().copy(in, out);
      }
      if (!written.equals(hash)) {
        throw new IOException(
            "%s of %s changed while it was read: %s, then %s"
                .formatted(part.fileName(), part.origin(), hash, written));
      }
      Files.move(staging, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(staging);
    }
    String found = part.hashing().of(file);
    if (!found.equals(hash)) {
      throw new IOException(
          "%s does not hold what was written to it: expected %s, found %s"
              .formatted(file, hash, found));
    }
  }
}
