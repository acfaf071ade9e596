package dev.gavel;

import static org.junit.jupiter.api.Assumptions.abort;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The machine behind the emulated CUDA library, as a test may change it: the table of functions of
 * native/test/cuda_emulator/control.h. Closing makes it what it was.
 */
@SuppressWarnings("restricted") // calls of that table
final class Emulator implements AutoCloseable {
  // Places of functions in the table.
  private static final long SET_DEVICE_COUNT = 3;
  private static final long SET_DRIVER_VERSION = 4;
  private static final long SET_DEVICE_MEMORY = 5;
  private static final long LOSE_DEVICE = 8;
  private static final long RESET = 9;
  private static final long PLACES = 10;

  private static final Path LIBRARY =
      Path.of(System.getenv().getOrDefault("GAVEL_CUDA_LIBRARY", ""));

  private final MemorySegment table;

  private Emulator(MemorySegment table) {
    this.table = table;
  }

  /** The machine; aborts the test where the library is another one, or none. */
  static Emulator open() {
    if (!Files.isRegularFile(LIBRARY)) {
      return abort("no emulated CUDA library at '" + LIBRARY + "'");
    }
    MemorySegment address =
        SymbolLookup.libraryLookup(LIBRARY, Arena.global())
            .find("gavel_cuda_emulator")
            .orElse(MemorySegment.NULL);
    if (address.address() == 0) {
      return abort(LIBRARY + " is no emulated CUDA library");
    }
    try {
      MemorySegment table =
          (MemorySegment)
              Linker.nativeLinker()
                  .downcallHandle(address, FunctionDescriptor.of(ValueLayout.ADDRESS))
                  .invokeExact();
      long bytes = ValueLayout.ADDRESS.byteSize() * PLACES;
      return new Emulator(table.reinterpret(bytes));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** A library that stands for cuBLASLt: good, old or incomplete. */
  static String cublasLt(String name) {
    return LIBRARY.resolveSibling("libcublasLt_" + name + ".so").toString();
  }

  void setDeviceCount(int devices) {
    callInt(SET_DEVICE_COUNT, devices);
  }

  /** As CUDA counts: 12080 is 12.8, 0 is no driver. */
  void setDriverVersion(int version) {
    callInt(SET_DRIVER_VERSION, version);
  }

  void setDeviceMemory(long bytes) {
    try {
      Linker.nativeLinker()
          .downcallHandle(
              function(SET_DEVICE_MEMORY), FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG))
          .invokeExact(bytes);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Every further call of the CUDA runtime answers with this error. */
  void loseDevice(int error) {
    callInt(LOSE_DEVICE, error);
  }

  @Override
  public void close() {
    try {
      Linker.nativeLinker()
          .downcallHandle(function(RESET), FunctionDescriptor.ofVoid())
          .invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private void callInt(long place, int value) {
    try {
      Linker.nativeLinker()
          .downcallHandle(function(place), FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
          .invokeExact(value);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private MemorySegment function(long place) {
    return table.getAtIndex(ValueLayout.ADDRESS, place);
  }
}
