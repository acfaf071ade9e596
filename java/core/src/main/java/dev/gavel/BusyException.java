package dev.gavel;

/**
 * A call met another one on the same object that excludes it, such as a score during an optimizer
 * step.
 */
public final class BusyException extends GavelException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure found in Java.
   *
   * @param message what was asked, what was found, what to do
   */
  public BusyException(String message) {
    this(message, "", 0);
  }

  /**
   * A failure with the function and the code it came from.
   *
   * @param message what was asked, what was found, what to do
   * @param operation the function that failed, or empty
   * @param vendorCode the code of a driver or a system call, 0 where there is none
   */
  public BusyException(String message, String operation, int vendorCode) {
    super(message, "GAVEL_BUSY", operation, vendorCode);
  }
}
