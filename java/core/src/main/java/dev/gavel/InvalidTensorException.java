package dev.gavel;

/** A tensor's type, shape, memory or content is wrong for what was asked. */
public final class InvalidTensorException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure found in Java.
   *
   * @param message what was asked, what was found, what to do
   */
  public InvalidTensorException(String message) {
    this(message, "", 0);
  }

  /**
   * A failure with the function and the code it came from.
   *
   * @param message what was asked, what was found, what to do
   * @param operation the function that failed, or empty
   * @param vendorCode the code of a driver or a system call, 0 where there is none
   */
  public InvalidTensorException(String message, String operation, int vendorCode) {
    super(message, operation, vendorCode);
  }
}
