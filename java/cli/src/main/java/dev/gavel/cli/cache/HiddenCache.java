package dev.gavel.cli.cache;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A complete cache in a folder. */
public final class HiddenCache {
  private final Path folder;
  private final CacheIndex index;

  private HiddenCache(Path folder, CacheIndex index) {
    this.folder = folder;
    this.index = index;
  }

  /** Whether a folder is a cache, complete or not. */
  public static boolean is(Path folder) {
    return Files.exists(folder.resolve(CacheIndex.FILE))
        || Files.exists(folder.resolve(CacheIndex.JOURNAL));
  }

  /**
   * Opens one.
   *
   * @throws FormatException if it is none, is not complete, or its index does not agree with itself
   */
  public static HiddenCache open(Path folder) {
    if (!is(folder)) {
      throw new FormatException(folder, "is no folder that gavel cache made");
    }
    if (!Files.exists(folder.resolve(CacheIndex.FILE))) {
      throw new FormatException(
          folder,
          "is a cache that is not complete: it has no %s. Go on with gavel cache --resume"
              .formatted(CacheIndex.FILE));
    }
    return new HiddenCache(folder, CacheIndex.read(folder));
  }

  /** Where it is. */
  public Path folder() {
    return folder;
  }

  /** The file of its index, for messages. */
  public Path indexFile() {
    return folder.resolve(CacheIndex.FILE);
  }

  /** All its files. */
  public List<Path> files() {
    List<Path> files = new ArrayList<>(List.of(indexFile(), folder.resolve(CacheIndex.JOURNAL)));
    index.shards().forEach(shard -> files.add(folder.resolve(shard.file())));
    return List.copyOf(files);
  }

  /** What it is of. */
  public CacheIndex index() {
    return index;
  }

  /**
   * Opens one of its files. The caller closes it.
   *
   * @throws FormatException if it is not what the index says
   */
  public CacheShard shard(int number) {
    CacheIndex.Shard expected = index.shards().get(number);
    Path file = folder.resolve(expected.file());
    try {
      long bytes = Files.size(file);
      if (bytes != expected.bytes()) {
        throw new FormatException(
            file,
            "has %d bytes; the cache was written with %d. It is cut short or of another cache"
                .formatted(bytes, expected.bytes()));
      }
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
    return CacheShard.open(file, expected, index.width(), index.gated());
  }
}
