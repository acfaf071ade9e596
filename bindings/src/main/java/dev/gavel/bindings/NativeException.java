package dev.gavel.bindings;

import java.io.Serial;

/** A native function answered with a failure. The Java API turns it into its own exceptions. */
public final class NativeException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final int status;
  private final int vendorCode;
  private final String operation;

  NativeException(int status, int vendorCode, String operation, String message) {
    super(message);
    this.status = status;
    this.vendorCode = vendorCode;
    this.operation = operation;
  }

  /** One of the {@code GAVEL_*} status codes, negative. */
  public int status() {
    return status;
  }

  /** Code of the driver or system call that failed, 0 where there is none. */
  public int vendorCode() {
    return vendorCode;
  }

  /**
   * The native function that failed, for instance {@code gavel_score}; empty where it did not say.
   */
  public String operation() {
    return operation;
  }
}
