package dev.gavel;

/** The accelerator's memory does not hold what was asked for. */
public final class OutOfDeviceMemoryException extends GavelException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure found in Java.
   *
   * @param message what was asked, what was found, what to do
   */
  public OutOfDeviceMemoryException(String message) {
    this(message, "", 0);
  }

  /**
   * A failure with the function and the code it came from.
   *
   * @param message what was asked, what was found, what to do
   * @param operation the function that failed, or empty
   * @param vendorCode the code of a driver or a system call, 0 where there is none
   */
  public OutOfDeviceMemoryException(String message, String operation, int vendorCode) {
    super(message, "GAVEL_OUT_OF_DEVICE_MEMORY", operation, vendorCode);
  }
}
