package dev.gavel.natives.linux_x86_64_cuda13;

import dev.gavel.bindings.spi.NativeSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;

/**
 * Opens the CUDA library that this jar carries for Linux on x86-64; none, where it was built
 * without nvcc.
 *
 * <p>Found through {@link java.util.ServiceLoader}; nobody needs to create one. Safe for use by
 * several threads at once.
 */
public final class LinuxCudaNatives implements NativeSource {
  private static final String FOLDER = "/META-INF/native/linux-x86_64-cuda13/";

  /** Creates the source; it holds nothing. */
  public LinuxCudaNatives() {}

  @Override
  public String platform() {
    return "linux-x86_64-cuda13";
  }

  @Override
  public InputStream open(String fileName) throws IOException {
    if (fileName.isEmpty() || fileName.indexOf('/') >= 0) {
      throw new FileNotFoundException("not a plain file name: '" + fileName + "'");
    }
    InputStream stream = LinuxCudaNatives.class.getResourceAsStream(FOLDER + fileName);
    if (stream == null) {
      throw new FileNotFoundException(
          "gavel-natives-linux-x86_64-cuda13 carries no '"
              + fileName
              + "' in "
              + FOLDER
              + " (built without nvcc?)");
    }
    return stream;
  }
}
