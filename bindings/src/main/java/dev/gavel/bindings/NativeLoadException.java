package dev.gavel.bindings;

import java.io.Serial;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The native library could not be found, read, loaded or trusted. The message lists every place
 * that was tried with its result, the platform that was detected, and what to do.
 */
public final class NativeLoadException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  NativeLoadException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /**
   * Composes the message.
   *
   * @param attempts each place tried and what came of it, in order
   * @param advice what the user can do, most likely cure first
   */
  static NativeLoadException of(
      String fileName,
      Platform platform,
      List<String> attempts,
      List<String> advice,
      @Nullable Throwable cause) {
    StringBuilder message =
        new StringBuilder("Cannot load Gavel's native library ").append(fileName).append(".\n");
    message.append("Tried:\n");
    attempts.forEach(attempt -> message.append("  - ").append(attempt).append('\n'));
    message.append("Platform: ").append(platform.id());
    message.append(" (").append(platform.detectedFrom()).append(").\n");
    message.append("What to do:\n");
    advice.forEach(step -> message.append("  - ").append(step).append('\n'));
    return new NativeLoadException(message.toString().stripTrailing(), cause);
  }
}
