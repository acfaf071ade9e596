package dev.gavel.bindings;

import java.io.Serial;

/**
 * A native library is not the one this module was compiled for; the message names the first
 * difference.
 */
final class AbiMismatchException extends Exception {
  @Serial private static final long serialVersionUID = 1L;

  AbiMismatchException(String message) {
    super(message);
  }
}
