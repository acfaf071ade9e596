package dev.gavel.bindings;

import dev.gavel.bindings.spi.NativeSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/**
 * Where the native library may come from.
 *
 * @param platform the machine's platform
 * @param libraryPath value of {@value #LIBRARY_PATH}: a folder or a file, taken alone when present
 * @param cacheDirectory where libraries out of jars are extracted to
 * @param sources natives artifacts on the class path or module path
 * @param brokenSources why a registered natives artifact could not be used, one sentence each
 */
record LibrarySettings(
    Platform platform,
    @Nullable String libraryPath,
    Path cacheDirectory,
    List<NativeSource> sources,
    List<String> brokenSources) {

  static final String LIBRARY_PATH = "gavel.library.path";
  static final String NATIVE_CACHE = "gavel.native.cache";

  // A service iterator may fail on the same broken entry for ever; this many say enough.
  private static final int MOST_BROKEN_SOURCES = 8;

  static LibrarySettings fromSystem() {
    List<NativeSource> sources = new ArrayList<>();
    List<String> broken = new ArrayList<>();
    String libraryPath = System.getProperty(LIBRARY_PATH);
    if (libraryPath == null) {
      // The loader of this class, not the thread's: the library then belongs to the classes that
      // call it.
      findSources(
          ServiceLoader.load(NativeSource.class, LibrarySettings.class.getClassLoader()).iterator(),
          sources,
          broken);
    }
    return new LibrarySettings(
        Platform.current(),
        libraryPath,
        configuredCache(),
        List.copyOf(sources),
        List.copyOf(broken));
  }

  private static void findSources(
      Iterator<NativeSource> services, List<NativeSource> sources, List<String> broken) {
    boolean more = true;
    while (more && broken.size() < MOST_BROKEN_SOURCES) {
      try {
        more = services.hasNext();
        if (more) {
          sources.add(services.next());
        }
      } catch (ServiceConfigurationError e) {
        broken.add("natives artifact: " + e.getMessage());
      }
    }
  }

  static Path configuredCache() {
    String configured = System.getProperty(NATIVE_CACHE);
    if (configured != null) {
      return Path.of(configured);
    }
    String user = System.getProperty("user.name", "").replaceAll("[^A-Za-z0-9._-]", "_");
    return Path.of(System.getProperty("java.io.tmpdir"), "gavel-" + user);
  }
}
