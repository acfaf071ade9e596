package dev.gavel;

/** A value, an option or a range is wrong; the message names it. */
public class InvalidArgumentException extends GavelException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure found in Java.
   *
   * @param message what was asked, what was found, what to do
   */
  public InvalidArgumentException(String message) {
    this(message, "", 0);
  }

  /**
   * A failure with the function and the code it came from.
   *
   * @param message what was asked, what was found, what to do
   * @param operation the function that failed, or empty
   * @param vendorCode the code of a driver or a system call, 0 where there is none
   */
  public InvalidArgumentException(String message, String operation, int vendorCode) {
    super(message, "GAVEL_INVALID_ARGUMENT", operation, vendorCode);
  }
}
