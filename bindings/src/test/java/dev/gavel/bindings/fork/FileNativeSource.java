package dev.gavel.bindings.fork;

import dev.gavel.bindings.spi.NativeSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** A natives artifact whose one library is the file that {@code -Dtest.native.file} names. */
public final class FileNativeSource implements NativeSource {
  /** Called by the service loader. */
  public FileNativeSource() {}

  @Override
  public String platform() {
    return "linux-x86_64";
  }

  @Override
  public InputStream open(String fileName) throws IOException {
    if (!fileName.equals("libgavel.so")) {
      throw new FileNotFoundException(fileName);
    }
    return Files.newInputStream(Path.of(System.getProperty("test.native.file")));
  }
}
