package dev.gavel;

import java.nio.file.Path;

/** A file is not what its format demands, or does not hold what was expected of it. */
public final class FormatException extends FileException {
  private static final long serialVersionUID = 1L;

  /**
   * A file that is not as it should be.
   *
   * @param file the file it is about
   * @param message what was expected, what was found, what to do; the file's name is put in front
   *     of it
   */
  public FormatException(Path file, String message) {
    super(file, message);
  }

  /**
   * A file that is not as it should be.
   *
   * @param file the file it is about
   * @param message what was expected, what was found, what to do; the file's name is put in front
   *     of it
   * @param cause what went wrong underneath
   */
  public FormatException(Path file, String message, Throwable cause) {
    super(file, message, cause);
  }
}
