package dev.gavel.bindings.spi;

import java.io.IOException;
import java.io.InputStream;

/**
 * One platform's native libraries, as a jar carries them.
 *
 * <p>Artifacts named {@code gavel-natives-<os>-<arch>} provide this service; the library loader
 * finds them with {@link java.util.ServiceLoader}, takes those whose {@link #platform()} is the
 * machine's, and extracts what it needs. An implementation has a public constructor without
 * parameters, holds nothing open between calls and may be used by several threads at once.
 *
 * <p>Artifacts named {@code gavel-natives-<os>-<arch>-cuda13} carry {@code libgavel_cuda.so} in the
 * same way, with a platform that ends in {@code -cuda13}; it is extracted beside the other library.
 */
public interface NativeSource {

  /**
   * The platform these libraries were built for: operating system and processor, for instance
   * {@code linux-x86_64}.
   *
   * @return the same text on every call, never empty
   */
  String platform();

  /**
   * Opens one native library.
   *
   * @param fileName plain file name without a folder, for instance {@code libgavel.so}
   * @return the bytes of the file from its start; the caller closes the stream
   * @throws java.io.FileNotFoundException if this source carries no such file
   * @throws IOException if it carries the file but cannot read it
   */
  InputStream open(String fileName) throws IOException;
}
