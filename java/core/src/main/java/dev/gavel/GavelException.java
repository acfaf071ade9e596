package dev.gavel;

import org.jspecify.annotations.Nullable;

/**
 * What Gavel throws when it cannot do what was asked: the message says what was asked, what was
 * found and what to do.
 *
 * <p>Subclasses say what kind of thing went wrong, so that a caller can catch the kind it can
 * handle. Tensors are printed with their type and shape, for instance {@code bf16[3,4096]}. Use
 * after close, and closing what another thread is using, are mistakes of the calling program and
 * throw {@link IllegalStateException} instead.
 */
public class GavelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String statusName;
  private final String operation;
  private final int vendorCode;

  /**
   * A failure found in Java.
   *
   * @param message what was asked, what was found, what to do
   */
  public GavelException(String message) {
    this(message, "GAVEL_INTERNAL", "", 0);
  }

  /**
   * A failure found in Java that has a cause.
   *
   * @param message what was asked, what was found, what to do
   * @param cause what went wrong underneath
   */
  public GavelException(String message, Throwable cause) {
    this(message, "GAVEL_INTERNAL", "", 0, cause);
  }

  /**
   * A failure with everything that is known about it.
   *
   * @param message what was asked, what was found, what to do
   * @param statusName name of the status as the C header has it, for instance {@code
   *     GAVEL_INVALID_ARGUMENT}
   * @param operation the function that failed, for instance {@code gavel_score}, or empty
   * @param vendorCode the code of a driver or a system call, 0 where there is none
   */
  protected GavelException(String message, String statusName, String operation, int vendorCode) {
    this(message, statusName, operation, vendorCode, null);
  }

  GavelException(
      String message,
      String statusName,
      String operation,
      int vendorCode,
      @Nullable Throwable cause) {
    super(message, cause);
    this.statusName = statusName;
    this.operation = operation;
    this.vendorCode = vendorCode;
  }

  /** Name of the status as the C header has it, for instance {@code GAVEL_INVALID_ARGUMENT}. */
  public final String statusName() {
    return statusName;
  }

  /**
   * The native function that failed, for instance {@code gavel_score}; empty where the failure was
   * found in Java.
   */
  public final String operation() {
    return operation;
  }

  /** The code of a driver or a system call, 0 where there is none. */
  public final int vendorCode() {
    return vendorCode;
  }
}
