package dev.gavel.bindings;

import dev.gavel.bindings.ffi.gavel_h;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Loads the native library once per process and says what was loaded. Safe for use by several
 * threads at once.
 *
 * <p>The file comes from {@code -Dgavel.library.path=<folder or file>} and from nowhere else where
 * that is set; otherwise from a natives artifact on the class path or module path, extracted to
 * {@code -Dgavel.native.cache} or {@code ${java.io.tmpdir}/gavel-<user>}. Its ABI version, its
 * functions and the sizes of its structs are compared with the ones this module was compiled for
 * before anything else is called.
 */
public final class NativeLibrary {
  private static @Nullable Report loaded;
  // A library cannot be unloaded again: once one failed its check, a second one would not be the
  // one that answers.
  private static @Nullable String rejected;

  private NativeLibrary() {}

  /**
   * What is loaded.
   *
   * @param version version of the library, for instance {@code 0.1.0}
   * @param abiVersion version of its binary interface
   * @param platform operating system and processor, for instance {@code linux-x86_64}
   * @param path the file that was loaded
   * @param sha256 hash of the file's content, lower-case hexadecimal
   * @param source the property or the natives artifact it came from, for people
   */
  public record Report(
      String version, int abiVersion, String platform, Path path, String sha256, String source) {}

  /**
   * Loads the library unless it is loaded.
   *
   * @return what is loaded
   * @throws NativeLoadException if it cannot be found, read, loaded or trusted; the message says
   *     what was tried and what to do
   */
  public static synchronized Report load() {
    Report report = loaded;
    if (report == null) {
      if (rejected != null) {
        throw new NativeLoadException(rejected, null);
      }
      report = load(LibrarySettings.fromSystem());
      loaded = report;
    }
    return report;
  }

  // System.load, not SymbolLookup.libraryLookup: only it tells the dynamic linker's own reason.
  private static Report load(LibrarySettings settings) {
    LibraryLocator locator = new LibraryLocator(settings);
    LibraryLocator.Located library = locator.locate();
    try {
      System.load(library.path().toString());
      // Java 22 and 23 restrict this call but not System.load: a refusal belongs here, not into a
      // class initialiser.
      MemorySegment.NULL.reinterpret(1);
    } catch (UnsatisfiedLinkError e) {
      throw locator.failure(library, String.valueOf(e.getMessage()), adviceForLinker(library), e);
    } catch (IllegalCallerException e) {
      throw locator.failure(
          library,
          "native access is not allowed: " + e.getMessage(),
          List.of("start java with " + nativeAccessFlag()),
          e);
    }
    try {
      AbiCheck.verify(SymbolLookup.loaderLookup());
    } catch (AbiMismatchException e) {
      NativeLoadException failure =
          locator.failure(
              library,
              String.valueOf(e.getMessage()),
              List.of(
                  "use the native library of the same version as gavel-bindings, and start java"
                      + " again"),
              e);
      rejected = failure.getMessage();
      throw failure;
    }
    return new Report(
        gavel_h.gavel_version().getString(0),
        gavel_h.gavel_abi_version(),
        settings.platform().id(),
        library.path(),
        library.sha256(),
        library.source());
  }

  private static List<String> adviceForLinker(LibraryLocator.Located library) {
    List<String> advice = new ArrayList<>();
    advice.add(
        "the text above is the dynamic linker's: install what it misses, or build the library on"
            + " this machine and set -D"
            + LibrarySettings.LIBRARY_PATH);
    if (library.extracted()) {
      advice.add(
          "if that file system forbids running code (mount option noexec), set -D%s to a directory"
                  .formatted(LibrarySettings.NATIVE_CACHE)
              + " on another one");
    }
    return advice;
  }

  /**
   * The flag that allows native access to the module in use: on the class path that is the unnamed
   * one.
   */
  private static String nativeAccessFlag() {
    Module module = NativeLibrary.class.getModule();
    return "--enable-native-access=" + (module.isNamed() ? module.getName() : "ALL-UNNAMED");
  }
}
