package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.NativeLibrary;
import dev.gavel.message.Counted;
import java.nio.file.Path;
import java.util.ArrayList;
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
 * @param cublasLt what contexts on CUDA would use in mode FAST, or why none; empty without a device
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
    String cublasLt,
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
    List<Context.Info> devices = new ArrayList<>();
    List<String> unavailable = new ArrayList<>();
    try (Context context = Context.open()) {
      devices.add(context.info());
    }
    addCudaDevices(devices, unavailable);
    return new Diagnostics(
        Gavel.version(),
        library.abiVersion(),
        library.platform(),
        library.path(),
        library.sha256(),
        library.source(),
        devices,
        unavailable,
        devices.size() > 1 ? CublasLt.describe(devices.get(1).device()) : "",
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
      line(text, "device " + device.device(), describe(device));
      if (!device.detail().isEmpty()) {
        line(text, "", device.detail());
      }
    }
    if (!cublasLt.isEmpty()) {
      line(text, "mode FAST", cublasLt);
    }
    unavailable.forEach(reason -> line(text, "not available", reason));
    line(text, "java", javaVersion);
    line(text, "system", operatingSystem);
    line(text, "native objects", "%d live, %d leaked".formatted(liveHandles, leakedHandles));
    return text.toString();
  }

  // All there are, or why there is none.
  private static void addCudaDevices(List<Context.Info> devices, List<String> unavailable) {
    for (int index = 0; ; index++) {
      Device device = Device.cuda(index);
      try (Context context = Context.open(Context.Options.defaults().withDevice(device))) {
        devices.add(context.info());
      } catch (GavelException e) {
        if (index == 0) {
          unavailable.add(String.valueOf(e.getMessage()));
        }
        return;
      }
    }
  }

  private static String describe(Context.Info device) {
    return switch (device.device()) {
      case Device.Cpu cpu ->
          "%s; %s of %s, %s"
              .formatted(
                  device.deviceName(),
                  device.instructionSet(),
                  device.bestInstructionSet(),
                  Counted.of(device.threads(), "thread"));
      case Device.Cuda cuda ->
          "%s; compute capability %d.%d, %d MiB"
              .formatted(
                  device.deviceName(),
                  device.computeCapability() / 10,
                  device.computeCapability() % 10,
                  device.memoryBytes() >> 20);
    };
  }

  private static void line(StringBuilder text, String name, Object value) {
    text.append("%-16s %s%n".formatted(name, value));
  }
}
