package dev.gavel.natives.linux_x86_64;

import dev.gavel.bindings.spi.NativeSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;

/**
 * Opens the native libraries that this jar carries for Linux on x86-64.
 *
 * <p>Found through {@link java.util.ServiceLoader}; nobody needs to create one. Safe for use by
 * several threads at once.
 */
public final class LinuxNatives implements NativeSource {
  private static final String FOLDER = "/META-INF/native/linux-x86_64/";

  /** Creates the source; it holds nothing. */
  public LinuxNatives() {}

  @Override
  public String platform() {
    return "linux-x86_64";
  }

  @Override
  public InputStream open(String fileName) throws IOException {
    if (fileName.isEmpty() || fileName.indexOf('/') >= 0) {
      throw new FileNotFoundException("not a plain file name: '" + fileName + "'");
    }
    InputStream stream = LinuxNatives.class.getResourceAsStream(FOLDER + fileName);
    if (stream == null) {
      throw new FileNotFoundException(
          "gavel-natives-linux-x86_64 carries no '" + fileName + "' in " + FOLDER);
    }
    return stream;
  }
}
