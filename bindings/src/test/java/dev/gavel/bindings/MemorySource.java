package dev.gavel.bindings;

import dev.gavel.bindings.spi.NativeSource;
import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.InputStream;
import java.util.function.Supplier;

/** A natives artifact in memory, which may give different bytes every time. */
record MemorySource(String platform, String fileName, Supplier<byte[]> content)
    implements NativeSource {

  static MemorySource of(byte[] content) {
    return new MemorySource("linux-x86_64", "libgavel.so", () -> content);
  }

  @Override
  public InputStream open(String name) throws FileNotFoundException {
    if (!name.equals(fileName)) {
      throw new FileNotFoundException("carries no '" + name + "'");
    }
    return new ByteArrayInputStream(content.get());
  }
}
