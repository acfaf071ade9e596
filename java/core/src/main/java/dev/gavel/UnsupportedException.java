package dev.gavel;

/** What was asked is well formed, but this build or this machine cannot do it. */
public final class UnsupportedException extends GavelException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure found in Java.
   *
   * @param message what was asked, what was found, what to do
   */
  public UnsupportedException(String message) {
    this(message, "", 0);
  }

  /**
   * A failure with the function and the code it came from.
   *
   * @param message what was asked, what was found, what to do
   * @param operation the function that failed, or empty
   * @param vendorCode the code of a driver or a system call, 0 where there is none
   */
  public UnsupportedException(String message, String operation, int vendorCode) {
    super(message, "GAVEL_UNSUPPORTED", operation, vendorCode);
  }
}
