package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.ffi.gavel_context_options;
import dev.gavel.bindings.ffi.gavel_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Which cuBLASLt a context in mode FAST uses. */
final class CublasLt {
  static final String PROPERTY = "gavel.cublaslt";
  static final String VARIABLE = "GAVEL_CUBLASLT";

  private static final List<String> USUAL = List.of("libcublasLt.so.13", "libcublasLt.so.12");

  private CublasLt() {}

  /** What a context on a device in mode FAST would use, for people. */
  static String describe(Device device) {
    try (Context context =
        Context.open(Context.Options.defaults().withDevice(device).withMode(Context.Mode.FAST))) {
      String detail = context.info().detail();
      int at = detail.indexOf("cuBLASLt");
      return at < 0
          ? "no cuBLASLt of version 12 or 13 is found; Gavel's own kernels do it all"
          : "%s makes large products".formatted(detail.substring(at));
    } catch (GavelException e) {
      return "cannot be used: " + e.getMessage();
    }
  }

  /**
   * Creates the context of a {@code gavel_context_options}: with the library that is named, which
   * must work then, else with a usual one where there is one.
   */
  static NativeHandle create(MemorySegment options, Arena arena, NativeError error) {
    String named = System.getProperty(PROPERTY, System.getenv().getOrDefault(VARIABLE, ""));
    if (!named.isEmpty()) {
      gavel_context_options.cublaslt(options, arena.allocateFrom(named));
      return Gavel.contextCreate(options, error);
    }
    for (String usual : USUAL) {
      gavel_context_options.cublaslt(options, arena.allocateFrom(usual));
      try {
        return Gavel.contextCreate(options, error);
      } catch (NativeException e) {
        if (e.status() != gavel_h.GAVEL_UNSUPPORTED()) {
          throw e;
        }
        // Not on this machine, which is a normal one without it.
      }
    }
    gavel_context_options.cublaslt(options, MemorySegment.NULL);
    return Gavel.contextCreate(options, error);
  }
}
