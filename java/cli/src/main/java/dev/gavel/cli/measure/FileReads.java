package dev.gavel.cli.measure;

import dev.gavel.cli.cache.CacheIndex;
import dev.gavel.cli.cache.HiddenCache;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Reads the files of a cache from their beginning to their end, as fast as the system gives them.
 */
final class FileReads {
  // Stays in the cache of a processor, so that memory is read and not written: larger ones were no
  // faster, and 8 MiB were slower by a tenth.
  private static final int BUFFER = 256 << 10;

  private FileReads() {}

  /** Reads all of them; threads take whole files in turn. */
  static void all(HiddenCache cache, int threads) {
    List<CacheIndex.Shard> shards = cache.index().shards();
    List<Callable<Void>> readers =
        IntStream.range(0, threads)
            .<Callable<Void>>mapToObj(first ->
                () -> {
                  for (int i = first; i < shards.size(); i += threads) {
                    read(cache.folder().resolve(shards.get(i).file()));
                  }
                  return null;
                })
            .toList();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      for (Future<Void> reader : pool.invokeAll(readers)) {
        reader.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while measuring", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("reading files failed: " + e.getCause(), e);
    }
  }

  private static void read(Path file) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
    try (FileChannel channel = FileChannel.open(file)) {
      while (channel.read(buffer.clear()) >= 0) {
        // What is read is not looked at.
      }
    }
  }
}
