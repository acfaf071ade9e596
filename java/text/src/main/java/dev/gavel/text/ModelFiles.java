package dev.gavel.text;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Files of a model folder, and of the default model, which is a folder of resources. */
final class ModelFiles {
  /** Name of the model that comes with this library. */
  static final String DEFAULT = "default";

  private static final String RESOURCES = "default-model/";

  private ModelFiles() {}

  /** A file named in a configuration: it must lie in the folder itself. */
  static Path inside(Path folder, String name) {
    Path base = folder.toAbsolutePath().normalize();
    try {
      Path file = base.resolve(name).normalize();
      if (!name.isEmpty() && base.equals(file.getParent())) {
        return file;
      }
    } catch (InvalidPathException e) {
      throw new FormatException(
          folder.resolve(ModelConfig.FILE),
          "names file '%s'; that is no path: %s".formatted(Excerpt.of(name), e.getReason()),
          e);
    }
    throw new FormatException(
        folder.resolve(ModelConfig.FILE),
        "names file '%s'; it must be a plain name of a file in the folder".formatted(name));
  }

  /**
   * Refuses what would be waited for, or read, for ever.
   *
   * @throws FormatException if it is there, and a folder, a pipe or a device
   */
  static void requireFile(Path file) {
    if (Files.notExists(file)) {
      throw new FileException(
          file,
          "is not there, and a model folder needs it; see docs/model-folder.md",
          new NoSuchFileException(file.toString()));
    }
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new FormatException(file, "is a folder, a pipe or a device; it must be a file");
    }
  }

  /**
   * Reads a file.
   *
   * @param most bytes a file of this kind may sensibly have; a longer one is refused unread
   */
  static byte[] read(Path file, int most) {
    requireFile(file);
    try (InputStream in = Files.newInputStream(file)) {
      byte[] content = in.readNBytes(most);
      if (in.read() >= 0) {
        throw new FormatException(
            file, "has more than %d bytes; that is no file of its kind".formatted(most));
      }
      return content;
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
  }

  /** A file of the default model. */
  static byte[] resource(String name) {
    try (InputStream in = ModelFiles.class.getResourceAsStream(RESOURCES + name)) {
      if (in == null) {
        throw new GavelException("the default model's %s is not in this build".formatted(name));
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Hands a file of the default model to something that reads paths. */
  static <T> T withResource(String name, java.util.function.Function<Path, T> use) {
    try {
      Path file = Files.createTempFile("gavel-", "-" + name);
      try {
        Files.write(file, resource(name));
        return use.apply(file);
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new GavelException(
          "the default model's %s cannot be unpacked: %s".formatted(name, e), e);
    }
  }
}
