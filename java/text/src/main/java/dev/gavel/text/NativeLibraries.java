package dev.gavel.text;

import dev.gavel.NativeLoadException;

/** Explains why the native code of a library this module uses could not be loaded. */
final class NativeLibraries {

  private NativeLibraries() {}

  /**
   * The exception to throw.
   *
   * @param library its name, for people
   * @param module its module, which needs native access
   * @param folder where it unpacks its code
   */
  static NativeLoadException notLoaded(
      String library, String module, String folder, Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    String advice =
        root instanceof IllegalCallerException
            ? "start Java with --enable-native-access=%s, or =ALL-UNNAMED where it is on the class path"
                .formatted(module)
            : "it must be able to write to and load from %s, and there must be a build of it for %s %s"
                .formatted(folder, System.getProperty("os.name"), System.getProperty("os.arch"));
    return new NativeLoadException(
        "the native code of %s could not be loaded: %s. To mend it: %s"
            .formatted(library, root, advice),
        failure);
  }
}
