package dev.gavel;

/**
 * The native library could not be found, loaded or trusted; the message lists what was tried and
 * what to do.
 */
public final class NativeLoadException extends GavelException {
  private static final long serialVersionUID = 1L;

  /**
   * A library that could not be loaded.
   *
   * @param message what was looked for, each place tried with its result, what to do
   * @param cause what went wrong underneath
   */
  public NativeLoadException(String message, Throwable cause) {
    super(message, "GAVEL_UNSUPPORTED", "", 0, cause);
  }
}
