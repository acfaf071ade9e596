package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.NativeLibrary;
import java.nio.file.Path;
import java.util.List;

/**
 * What Gavel runs on, for {@code gavel doctor} and for bug reports.
 *
 * @param nativeVersion version of the native library
 * @param abiVersion version of its binary interface
 * @param platform operating system and processor, for instance {@code linux-x86_64}
 * @param libraryPath the native library that is loaded
 * @param librarySha256 hash of its content
 * @param librarySource the property or the artifact it came from
 * @param devices every device that can be used, with its instruction set
 * @param unavailable devices that cannot be used, with the reason
 * @param javaVersion version and maker of the Java that runs this
 * @param operatingSystem its name, version and architecture
 * @param liveHandles native objects that exist now
 * @param leakedHandles native objects that were never closed, since the process started
 */
public record Diagnostics(
    String nativeVersion,
    int abiVersion,
    String platform,
    Path libraryPath,
    String librarySha256,
    String librarySource,
    List<Context.Info> devices,
    List<String> unavailable,
    String javaVersion,
    String operatingSystem,
    long liveHandles,
    long leakedHandles) {

  /** Copies the lists. */
  public Diagnostics {
    devices = List.copyOf(devices);
    unavailable = List.copyOf(unavailable);
  }

  /**
   * Looks.
   *
   * @throws NativeLoadException if the native library cannot be loaded; its message is the
   *     diagnosis
   */
  public static Diagnostics collect() {
    NativeLibrary.Report library;
    try {
      library = NativeLibrary.load();
    } catch (dev.gavel.bindings.NativeLoadException e) {
      throw new NativeLoadException(String.valueOf(e.getMessage()), e);
    }
    Context.Info cpu;
    try (Context context = Context.open()) {
      cpu = context.info();
    }
    return new Diagnostics(
        Gavel.version(),
        library.abiVersion(),
        library.platform(),
        library.path(),
        library.sha256(),
        library.source(),
        List.of(cpu),
        List.of(Device.NO_CUDA),
        "%s, %s".formatted(Runtime.version(), System.getProperty("java.vendor")),
        "%s %s %s"
            .formatted(
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                System.getProperty("os.arch")),
        NativeHandle.liveCount(),
        NativeHandle.leakCount());
  }

  /** One fact per line, for people. */
  public String report() {
    StringBuilder text = new StringBuilder();
    line(text, "native library", "%s, ABI %d, %s".formatted(nativeVersion, abiVersion, platform));
    line(text, "path", libraryPath);
    line(text, "sha256", librarySha256);
    line(text, "source", librarySource);
    for (Context.Info device : devices) {
      line(
          text,
          "device " + device.device(),
          "%s; %s of %s, %d threads"
              .formatted(
                  device.deviceName(),
                  device.instructionSet(),
                  device.bestInstructionSet(),
                  device.threads()));
      if (!device.detail().isEmpty()) {
        line(text, "", device.detail());
      }
    }
    unavailable.forEach(reason -> line(text, "not available", reason));
    line(text, "java", javaVersion);
    line(text, "system", operatingSystem);
    line(text, "native objects", "%d live, %d leaked".formatted(liveHandles, leakedHandles));
    return text.toString();
  }

  private static void line(StringBuilder text, String name, Object value) {
    text.append("%-16s %s%n".formatted(name, value));
  }
}
