package dev.gavel.bindings.fork;

import dev.gavel.bindings.NativeLibrary;
import dev.gavel.bindings.NativeLoadException;

/**
 * Loads the native library and prints what came of it. Where that fails, tries once more, with the
 * library that {@code -Dtest.second.library} names where it is set.
 */
public final class LoadLibrary {
  private LoadLibrary() {}

  /** Prints {@code loaded} and the report, or {@code failed} and the message. */
  public static void main(String[] arguments) {
    try {
      System.out.println("loaded " + NativeLibrary.load());
    } catch (NativeLoadException first) {
      System.out.println("failed " + first.getMessage());
      String second = System.getProperty("test.second.library");
      if (second != null) {
        System.setProperty("gavel.library.path", second);
      }
      try {
        System.out.println("second loaded " + NativeLibrary.load());
      } catch (NativeLoadException again) {
        System.out.println("second failed " + again.getMessage());
      }
    }
  }
}
