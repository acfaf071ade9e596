package dev.gavel.bindings.fork;

import dev.gavel.bindings.NativeLibrary;
import dev.gavel.bindings.NativeLoadException;

/** Loads the native library, twice where it fails, and prints what came of it. */
public final class LoadLibrary {
  private LoadLibrary() {}

  /** Prints {@code loaded} and the report, or {@code failed} and the message. */
  public static void main(String[] arguments) {
    try {
      System.out.println("loaded " + NativeLibrary.load());
    } catch (NativeLoadException first) {
      System.out.println("failed " + first.getMessage());
      try {
        System.out.println("second loaded " + NativeLibrary.load());
      } catch (NativeLoadException second) {
        System.out.println("second failed " + second.getMessage());
      }
    }
  }
}
