package dev.gavel.bindings.onnx;

import dev.gavel.bindings.JarLibraries;
import dev.gavel.bindings.Platform;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where ONNX Runtime's Java interface loads its native code from. By itself it unpacks 28 MB into a
 * new temporary folder at every start, and where the process is killed they stay there.
 */
public final class OnnxRuntimeLibraries {
  private static final String FOLDER = "onnxruntime.native.path";
  private static final List<String> NAMES = List.of("onnxruntime", "onnxruntime4j_jni");

  // Kernels for devices are opened from the folder of the library, and unpacked by the interface.
  private static final String SHARED_BY_DEVICES = "onnxruntime_providers_shared";

  private OnnxRuntimeLibraries() {}

  /**
   * Has it load the libraries of its jar from one folder that all processes share. To be called
   * before any of its classes is used. Left as it is are processes whose user chose another place,
   * jars with kernels for devices, and libraries that are not in a jar.
   *
   * @param interfaceClass a class of the Java interface
   * @return the folder; empty where it is left as it is
   * @throws IOException as {@link JarLibraries#folder}
   */
  public static Optional<Path> share(Class<?> interfaceClass) throws IOException {
    if (isChosen()) {
      return Optional.empty();
    }
    if (find(interfaceClass, SHARED_BY_DEVICES).isPresent()) {
      return Optional.empty();
    }
    List<URL> entries = new ArrayList<>();
    for (String name : NAMES) {
      Optional<URL> entry = find(interfaceClass, name);
      if (entry.isEmpty()) {
        return Optional.empty();
      }
      entries.add(entry.get());
    }
    Optional<Path> folder = JarLibraries.folder(entries);
    folder.ifPresent(path -> System.setProperty(FOLDER, path.toString()));
    return folder;
  }

  /** Where the folder is made. */
  public static Path cacheDirectory() {
    return JarLibraries.cacheDirectory();
  }

  private static boolean isChosen() {
    return Stream.concat(
            Stream.of(FOLDER),
            NAMES.stream()
                .flatMap(name ->
                    Stream.of(
                        "onnxruntime.native." + name + ".path",
                        "onnxruntime.native." + name + ".skip")))
        .anyMatch(property -> System.getProperty(property) != null);
  }

  private static Optional<URL> find(Class<?> interfaceClass, String name) {
    Platform platform = Platform.current();
    String folder =
        switch (platform.id()) {
          case "linux-x86_64" -> "linux-x64";
          case "linux-aarch64" -> "linux-aarch64";
          default -> "";
        };
    return folder.isEmpty()
        ? Optional.empty()
        : Optional.ofNullable(
            interfaceClass.getResource(
                "/ai/onnxruntime/native/%s/%s".formatted(folder, platform.libraryFileName(name))));
  }
}
