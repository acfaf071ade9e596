package dev.gavel.bindings;

import dev.gavel.bindings.spi.NativeSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the file to load: the property alone where it is set, else the natives artifacts. The
 * operating system's library path is never searched; it would mix versions silently.
 */
final class LibraryLocator {
  /** What an artifact with CUDA kernels has behind the platform: the CUDA major version. */
  private static final String CUDA_SUFFIX = "-cuda13";

  private final LibrarySettings settings;
  private final String fileName;
  private final List<String> attempts = new ArrayList<>();

  LibraryLocator(LibrarySettings settings) {
    this.settings = settings;
    this.fileName = settings.platform().libraryFileName("gavel");
  }

  /**
   * A library that can be tried.
   *
   * @param path absolute path of the file
   * @param sha256 hash of its content
   * @param source where it came from, for people
   * @param extracted whether it lies in the cache rather than where the user put it
   */
  record Located(Path path, String sha256, String source, boolean extracted) {}

  /**
   * Returns the one file to load.
   *
   * @throws NativeLoadException if there is none, or more than one
   */
  Located locate() {
    String libraryPath = settings.libraryPath();
    return libraryPath != null ? fromProperty(libraryPath) : fromSources();
  }

  private Located fromProperty(String libraryPath) {
    String source = "property " + LibrarySettings.LIBRARY_PATH;
    String place = "%s = '%s'".formatted(source, libraryPath);
    try {
      if (libraryPath.isBlank()) {
        throw new IOException("is blank");
      }
      Path given = Path.of(libraryPath).toAbsolutePath().normalize();
      Path file = Files.isDirectory(given) ? given.resolve(fileName) : given;
      if (!Files.isRegularFile(file)) {
        throw new FileNotFoundException("there is no file " + file);
      }
      return new Located(file, Hashing.SHA_256.of(file), source, false);
    } catch (IOException | InvalidPathException e) {
      attempts.add(place + ": " + e.getMessage());
      attempts.add("natives artifacts: not asked, because the property is set");
      throw failure(
          List.of(
              "set -D%s to the folder that holds %s, or to the file itself"
                  .formatted(LibrarySettings.LIBRARY_PATH, fileName),
              "or leave the property out and add a natives artifact: " + artifact()),
          e);
    }
  }

  /**
   * The CUDA library, which the other opens from its own folder. One artifact at most carries it; a
   * build without the CUDA compiler has an artifact without it.
   */
  private List<LibraryCache.Part> companions() throws IOException {
    String cudaPlatform = settings.platform().id() + CUDA_SUFFIX;
    String cudaFile = settings.platform().libraryFileName("gavel_cuda");
    List<LibraryCache.Part> found = new ArrayList<>();
    for (NativeSource source : settings.sources()) {
      if (!source.platform().equals(cudaPlatform)) {
        continue;
      }
      String place = "natives artifact " + source.getClass().getName();
      try {
        source.open(cudaFile).close();
        found.add(new LibraryCache.NativePart(source, cudaFile));
        attempts.add("%s: carries %s".formatted(place, cudaFile));
      } catch (FileNotFoundException e) {
        attempts.add("%s: %s".formatted(place, e.getMessage()));
      }
    }
    if (found.size() > 1) {
      throw new IOException(
          "%d natives artifacts carry %s: keep one".formatted(found.size(), cudaFile));
    }
    return found;
  }

  private Located fromSources() {
    attempts.add("property " + LibrarySettings.LIBRARY_PATH + ": not set");
    attempts.addAll(settings.brokenSources());
    LibraryCache cache = new LibraryCache(settings.cacheDirectory());
    List<Located> found = new ArrayList<>();
    IOException cause = null;
    for (NativeSource source : settings.sources()) {
      String name = source.getClass().getName();
      if (source.platform().equals(settings.platform().id() + CUDA_SUFFIX)) {
        continue; // a companion, not the library itself
      }
      if (!source.platform().equals(settings.platform().id())) {
        attempts.add("natives artifact %s: is for %s".formatted(name, source.platform()));
        continue;
      }
      try {
        LibraryCache.Extracted extracted =
            cache.extract(new LibraryCache.NativePart(source, fileName), companions());
        attempts.add("natives artifact %s: %s".formatted(name, extracted.path()));
        if (found.stream().noneMatch(other -> other.path().equals(extracted.path()))) {
          found.add(
              new Located(extracted.path(), extracted.hash(), "natives artifact " + name, true));
        }
      } catch (FileNotFoundException e) {
        attempts.add("natives artifact %s: %s".formatted(name, e.getMessage()));
      } catch (IOException e) {
        attempts.add("natives artifact %s: cannot be extracted: %s".formatted(name, e));
        cause = e;
      }
    }
    if (found.size() == 1 && cause == null) {
      return found.getFirst();
    }
    throw failure(adviceForSources(found.size(), cause != null), cause);
  }

  private List<String> adviceForSources(int found, boolean extractionFailed) {
    List<String> advice = new ArrayList<>();
    if (found > 1) {
      advice.add("keep one natives artifact for this platform: these carry different libraries");
    } else if (extractionFailed) {
      advice.add(
          "set -D%s to a directory that only you can write to (now: %s)"
              .formatted(LibrarySettings.NATIVE_CACHE, settings.cacheDirectory()));
    } else {
      if (settings.sources().isEmpty()) {
        attempts.add("natives artifacts: none on the class path or module path");
      }
      advice.add("add a natives artifact: " + artifact());
    }
    advice.add(
        "or set -D%s to a folder that holds %s".formatted(LibrarySettings.LIBRARY_PATH, fileName));
    return advice;
  }

  private String artifact() {
    Platform platform = settings.platform();
    if (!platform.isPublished()) {
      return "none is published for %s (published: %s), so build the library from source"
          .formatted(platform.id(), String.join(", ", Platform.PUBLISHED));
    }
    return "dev.gavel:gavel-natives-%s, in the version of gavel-bindings".formatted(platform.id());
  }

  private NativeLoadException failure(List<String> advice, @Nullable Throwable cause) {
    return NativeLoadException.of(fileName, settings.platform(), attempts, advice, cause);
  }

  /** Explains why a located library did not load. */
  NativeLoadException failure(
      Located library, String reason, List<String> advice, Throwable cause) {
    attempts.removeIf(attempt -> attempt.endsWith(": " + library.path()));
    String path = library.path().toString();
    attempts.add(
        library.source() + ": " + (reason.startsWith(path) ? reason : path + ": " + reason));
    return failure(advice, cause);
  }
}
