package dev.gavel.bindings;

import java.util.Locale;
import java.util.Set;

/**
 * An operating system and a processor, in the words the natives artifacts use.
 *
 * @param system operating system, for instance {@code linux}
 * @param processor processor architecture, for instance {@code x86_64}
 * @param detectedFrom the system properties this was derived from, for messages
 */
public record Platform(String system, String processor, String detectedFrom) {

  /** The platforms a natives artifact is published for. */
  static final Set<String> PUBLISHED = Set.of("linux-x86_64");

  /** The platform this JVM runs on. */
  public static Platform current() {
    return of(System.getProperty("os.name", ""), System.getProperty("os.arch", ""));
  }

  static Platform of(String osName, String osArch) {
    String system = osName.toLowerCase(Locale.ROOT);
    if (system.startsWith("mac")) {
      system = "macos";
    } else if (system.startsWith("windows")) {
      system = "windows";
    } else {
      system = system.replaceAll("[^a-z0-9]+", "_");
    }
    String processor =
        switch (osArch.toLowerCase(Locale.ROOT)) {
          case "amd64", "x86_64" -> "x86_64";
          case "arm64", "aarch64" -> "aarch64";
          default -> osArch.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_]+", "_");
        };
    return new Platform(
        system, processor, "os.name = '%s', os.arch = '%s'".formatted(osName, osArch));
  }

  /** For instance {@code linux-x86_64}: what {@code NativeSource.platform()} answers. */
  public String id() {
    return system + "-" + processor;
  }

  /** File name of the shared library called {@code name} on this platform. */
  public String libraryFileName(String name) {
    return switch (system) {
      case "windows" -> name + ".dll";
      case "macos" -> "lib" + name + ".dylib";
      default -> "lib" + name + ".so";
    };
  }

  boolean isPublished() {
    return PUBLISHED.contains(id());
  }
}
