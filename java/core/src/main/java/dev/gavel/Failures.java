package dev.gavel;

import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.ffi.gavel_h;

/** Turns what a native function answered into the exception a caller can catch. */
final class Failures {
  private Failures() {}

  static GavelException of(NativeException failure) {
    GavelException translated = translate(failure);
    translated.addSuppressed(failure); // its stack shows the native function's wrapper
    return translated;
  }

  private static GavelException translate(NativeException failure) {
    String message = failure.getMessage();
    String operation = failure.operation();
    int code = failure.vendorCode();
    int status = failure.status();
    if (status == gavel_h.GAVEL_INVALID_ARGUMENT()) {
      return new InvalidArgumentException(message, operation, code);
    }
    if (status == gavel_h.GAVEL_UNSUPPORTED()) {
      return new UnsupportedException(message, operation, code);
    }
    if (status == gavel_h.GAVEL_OUT_OF_HOST_MEMORY()) {
      return new OutOfHostMemoryException(message, operation, code);
    }
    if (status == gavel_h.GAVEL_OUT_OF_DEVICE_MEMORY()) {
      return new OutOfDeviceMemoryException(message, operation, code);
    }
    if (status == gavel_h.GAVEL_DEVICE_UNAVAILABLE()) {
      return new DeviceUnavailableException(message, operation, code);
    }
    if (status == gavel_h.GAVEL_DEVICE_LOST()) {
      return new DeviceLostException(message, operation, code);
    }
    if (status == gavel_h.GAVEL_BUSY()) {
      return new BusyException(message, operation, code);
    }
    return new GavelException(
        "this is a defect of Gavel, please report it: " + message,
        "GAVEL_INTERNAL",
        operation,
        code);
  }
}
