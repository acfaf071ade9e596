package dev.gavel.text;

import ai.onnxruntime.OrtEnvironment;
import dev.gavel.NativeLoadException;
import dev.gavel.bindings.onnx.OnnxRuntimeLibraries;
import dev.gavel.bindings.onnx.OnnxRuntimeProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** ONNX Runtime's environment, of which a process has one. */
final class OnnxEnvironment {
  private static final Path COMMAND_LINE = Path.of("/proc/self/cmdline");

  // When it starts and is to report (see OnnxRuntimeProcess), version 1.29 matches the command line
  // of the process with a recursive pattern.
  // Of one of 18 KiB (a class path of many jars) this takes between 2 and 8 MiB of stack, more than
  // threads have, and the process ends without a message. Twice the most that was measured.
  private static final long STACK_PER_BYTE = 1024;

  private static @Nullable Loading<OrtEnvironment> loading;

  private OnnxEnvironment() {}

  /** Begins to start it, unless that was done. */
  static synchronized Loading<OrtEnvironment> begin() {
    Loading<OrtEnvironment> begun = loading;
    if (begun == null) {
      begun =
          Loading.begin(
              "gavel-onnx-start",
              (2 << 20) + STACK_PER_BYTE * commandLineBytes(),
              OnnxEnvironment::start);
      loading = begun;
    }
    return begun;
  }

  /**
   * The environment, which the first call starts.
   *
   * @throws dev.gavel.NativeLoadException if ONNX Runtime has no native code here
   */
  static OrtEnvironment get() {
    return begin().await();
  }

  private static OrtEnvironment start() {
    String folder = System.getProperty("java.io.tmpdir");
    try {
      folder = OnnxRuntimeLibraries.share(OrtEnvironment.class).map(Path::toString).orElse(folder);
      OnnxRuntimeProcess.reportNothing();
      OrtEnvironment own = OrtEnvironment.getEnvironment();
      OnnxRuntimeProcess.keepEnvironment();
      OnnxCalls.awaitAtExit();
      return own;
    } catch (IOException e) {
      throw new NativeLoadException(
          "the native code of ONNX Runtime cannot be unpacked: %s; set -Dgavel.native.cache to a directory that only you can write to (now: %s)"
              .formatted(e, OnnxRuntimeLibraries.cacheDirectory()),
          e);
    } catch (LinkageError e) {
      throw NativeLibraries.notLoaded("ONNX Runtime", "com.microsoft.onnxruntime", folder, e);
    }
  }

  private static long commandLineBytes() {
    try {
      return Files.readAllBytes(COMMAND_LINE).length;
    } catch (IOException e) {
      // Where it cannot be read here, it cannot be there.
      return 0;
    }
  }
}
