package dev.gavel.bindings.onnx;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * What ONNX Runtime's library does to the process it is in, and its Java interface offers no way to
 * change: it reports its use to its makers, and its exit hook frees what a running call uses. This
 * is here because no other module calls restricted methods.
 */
public final class OnnxRuntimeProcess {
  private static final String NO_REPORTS = "ORT_DISABLE_TELEMETRY";

  // By its soname: the dynamic linker then gives the one that the Java interface has loaded.
  private static final String LIBRARY = "libonnxruntime.so.1";

  private static final Linker LINKER = Linker.nativeLinker();
  private static final AddressLayout POINTER = ValueLayout.ADDRESS;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  private static final MemoryLayout TEXT =
      MemoryLayout.sequenceLayout(Integer.MAX_VALUE, ValueLayout.JAVA_BYTE);

  // onnxruntime_c_api.h: OrtApiBase begins with GetApi; in OrtApi, to which each version adds at
  // the end, GetErrorMessage is the third function and CreateEnv the fourth. CreateEnv is there
  // since version 1.
  private static final int API_VERSION = 1;
  private static final int GET_API = 0;
  private static final int GET_ERROR_MESSAGE = 2;
  private static final int CREATE_ENV = 3;
  private static final int LOGGING_LEVEL_WARNING = 2;

  private OnnxRuntimeProcess() {}

  /**
   * Has ONNX Runtime report nothing, unless the user's environment says otherwise. From version
   * 1.29 on it sends processor, memory, models and process to a server, writes identifiers into the
   * user's cache folder and logs into the temporary folder, and looks at the environment variable
   * only when it starts.
   */
  public static void reportNothing() {
    MethodHandle setenv =
        LINKER.downcallHandle(
            LINKER.defaultLookup().find("setenv").orElseThrow(),
            FunctionDescriptor.of(INT, POINTER, POINTER, INT));
    try (Arena arena = Arena.ofConfined()) {
      int failed =
          (int) setenv.invokeExact(arena.allocateFrom(NO_REPORTS), arena.allocateFrom("1"), 0);
      if (failed != 0) {
        throw new IllegalStateException("setenv refused " + NO_REPORTS);
      }
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  /**
   * Keeps ONNX Runtime's environment for the rest of the process. It counts its users, and the exit
   * hook of the Java interface gives back one use while calls may run; this is a second one, which
   * nobody gives back.
   */
  public static void keepEnvironment() {
    SymbolLookup library = SymbolLookup.libraryLookup(LIBRARY, Arena.global());
    MethodHandle getApiBase =
        LINKER.downcallHandle(
            library.find("OrtGetApiBase").orElseThrow(),
            FunctionDescriptor.of(functions(GET_API + 1)));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = (MemorySegment) getApiBase.invokeExact();
      MethodHandle getApi =
          LINKER.downcallHandle(
              base.getAtIndex(POINTER, GET_API),
              FunctionDescriptor.of(functions(CREATE_ENV + 1), INT));
      MemorySegment api = (MemorySegment) getApi.invokeExact(API_VERSION);
      MethodHandle createEnv =
          LINKER.downcallHandle(
              api.getAtIndex(POINTER, CREATE_ENV),
              FunctionDescriptor.of(POINTER, INT, POINTER, POINTER));
      MemorySegment status =
          (MemorySegment)
              createEnv.invokeExact(
                  LOGGING_LEVEL_WARNING, arena.allocateFrom("gavel"), arena.allocate(POINTER));
      if (status.address() != 0) {
        throw new IllegalStateException("ONNX Runtime refused: " + message(api, status));
      }
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  private static String message(MemorySegment api, MemorySegment status) throws Throwable {
    MethodHandle getErrorMessage =
        LINKER.downcallHandle(
            api.getAtIndex(POINTER, GET_ERROR_MESSAGE),
            FunctionDescriptor.of(POINTER.withTargetLayout(TEXT), POINTER));
    return ((MemorySegment) getErrorMessage.invokeExact(status)).getString(0);
  }

  /** A pointer to a struct that begins with this many functions. */
  private static AddressLayout functions(int count) {
    return POINTER.withTargetLayout(MemoryLayout.sequenceLayout(count, POINTER));
  }

  private static RuntimeException unchecked(Throwable thrown) {
    switch (thrown) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new AssertionError("a native call threw a checked exception", thrown);
    }
  }
}
