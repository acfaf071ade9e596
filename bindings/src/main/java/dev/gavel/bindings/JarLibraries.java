package dev.gavel.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.jar.JarEntry;

/**
 * Native libraries of a jar that is not ours, in the cache of our own: one copy for all processes,
 * which is there before a process starts and stays when it is killed.
 *
 * <p>A jar lists checksum and length of its entries, so that a copy is checked without unpacking
 * the entry again. A checksum finds damage and tells versions apart; that nobody else can change
 * the copy is a matter of {@link PrivateDirectory}.
 */
public final class JarLibraries {
  private JarLibraries() {}

  /** Where libraries out of jars are. */
  public static Path cacheDirectory() {
    return LibrarySettings.configuredCache();
  }

  /**
   * Copies entries of jars to one folder of the cache, unless they are there.
   *
   * @param entries as a class loader finds them
   * @return the folder; empty where one is no entry of a jar that lists its checksum
   * @throws IOException if a jar cannot be read, a copy cannot be written, or the cache is not safe
   *     to load code from
   */
  public static Optional<Path> folder(List<URL> entries) throws IOException {
    List<LibraryCache.Part> parts = new ArrayList<>();
    for (URL entry : entries) {
      Optional<LibraryCache.Part> part = part(entry);
      if (part.isEmpty()) {
        return Optional.empty();
      }
      parts.add(part.get());
    }
    LibraryCache cache = new LibraryCache(cacheDirectory());
    return Optional.ofNullable(
        cache.extract(parts.getFirst(), parts.subList(1, parts.size())).path().getParent());
  }

  private static Optional<LibraryCache.Part> part(URL url) throws IOException {
    if (!(url.openConnection() instanceof JarURLConnection connection)) {
      return Optional.empty();
    }
    // The connection would keep the jar open, beside the class loader.
    connection.setUseCaches(false);
    try (var jar = connection.getJarFile()) {
      JarEntry entry = connection.getJarEntry();
      if (entry == null || entry.getCrc() < 0 || entry.getSize() < 0) {
        return Optional.empty();
      }
      String name = entry.getName();
      return Optional.of(
          new EntryPart(
              url,
              name.substring(name.lastIndexOf('/') + 1),
              jar.getName(),
              Hashing.crc32(entry.getCrc(), entry.getSize())));
    }
  }

  /** An entry of a jar. */
  private record EntryPart(URL url, String fileName, String origin, String hash)
      implements LibraryCache.Part {
    @Override
    public InputStream open() throws IOException {
      URLConnection connection = url.openConnection();
      connection.setUseCaches(false);
      return connection.getInputStream();
    }

    @Override
    public Hashing hashing() {
      return Hashing.CRC_32;
    }
  }
}
