package dev.gavel;

import java.nio.file.Path;

/**
 * A file could not be read or written: it is missing, the disk is full, access is denied, or it
 * changed while in use.
 */
public class FileException extends GavelException {
  private static final long serialVersionUID = 1L;

  private final String file;

  /**
   * A failure of the file system.
   *
   * @param file the file it is about
   * @param message what was asked, what was found, what to do; the file's name is put in front of
   *     it
   * @param cause what went wrong underneath
   */
  public FileException(Path file, String message, Throwable cause) {
    super(file + ": " + message, "GAVEL_INVALID_ARGUMENT", "", 0, cause);
    this.file = file.toString();
  }

  /**
   * A failure found while a file was read or written.
   *
   * @param file the file it is about
   * @param message what was asked, what was found, what to do; the file's name is put in front of
   *     it
   */
  public FileException(Path file, String message) {
    super(file + ": " + message, "GAVEL_INVALID_ARGUMENT", "", 0);
    this.file = file.toString();
  }

  /** The file it is about. */
  public final Path file() {
    return Path.of(file);
  }
}
