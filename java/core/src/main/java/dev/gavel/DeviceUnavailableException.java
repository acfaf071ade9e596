package dev.gavel;

/** The device that was asked for is not there or cannot be used; the message says why. */
public final class DeviceUnavailableException extends GavelException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure found in Java.
   *
   * @param message what was asked, what was found, what to do
   */
  public DeviceUnavailableException(String message) {
    this(message, "", 0);
  }

  /**
   * A failure with the function and the code it came from.
   *
   * @param message what was asked, what was found, what to do
   * @param operation the function that failed, or empty
   * @param vendorCode the code of a driver or a system call, 0 where there is none
   */
  public DeviceUnavailableException(String message, String operation, int vendorCode) {
    super(message, "GAVEL_DEVICE_UNAVAILABLE", operation, vendorCode);
  }
}
