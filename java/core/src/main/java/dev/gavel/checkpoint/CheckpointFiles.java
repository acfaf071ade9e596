package dev.gavel.checkpoint;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which files of a model folder hold tensors. Where a folder has the same weights as safetensors
 * and as PyTorch files, the safetensors are read, as transformers does.
 */
final class CheckpointFiles {
  static final String CONFIG = "config.json";
  static final String YOJO_CONFIG = "reward_model_config.json";

  // In the order in which they are looked for; the first found is the model's.
  private static final List<String> MODEL =
      List.of(
          "model.safetensors",
          "model.safetensors.index.json",
          "pytorch_model.bin",
          "pytorch_model.bin.index.json");

  private static final List<String> SIDE =
      List.of("value_head.safetensors", "value_head.bin", "value_head.pt");

  /** Prefixes of the tensors of the two files of an LDL head, which name theirs alike. */
  static final String LDL_HEAD = "regression_layer.";

  static final String LDL_GATE = "gating_layer.";

  private CheckpointFiles() {}

  /** Whether the folder has the two files of an LDL head. */
  static boolean isLdl(Path folder) {
    return Files.exists(folder.resolve(LDL_HEAD + "pt"))
        && Files.exists(folder.resolve(LDL_GATE + "pt"));
  }

  /** The side file that holds a head of its own, if the folder has one. */
  static Optional<Path> side(Path folder) {
    return first(folder, SIDE);
  }

  /**
   * Opens the model's files and the side file as one source.
   *
   * @throws FileException if there are none
   */
  static TensorSource open(Path folder) {
    List<Path> files = new ArrayList<>();
    first(folder, MODEL).ifPresent(files::add);
    side(folder).ifPresent(files::add);
    // Where only the backbone's graph is kept, both parts of LDL's head are all there is.
    if (files.isEmpty() && !isLdl(folder)) {
      throw new FileException(
          folder,
          "has no weights; expected one of %s, or of %s".formatted(MODEL, SIDE),
          new NoSuchFileException(folder.resolve(MODEL.getFirst()).toString()));
    }
    List<TensorSource> sources = new ArrayList<>();
    try {
      for (Path file : files) {
        sources.add(openFile(file));
      }
      if (isLdl(folder)) {
        for (String part : List.of(LDL_HEAD, LDL_GATE)) {
          sources.add(new PrefixedSource(openFile(folder.resolve(part + "pt")), part));
        }
      }
      return new JoinedSource(folder, sources);
    } catch (RuntimeException e) {
      sources.forEach(TensorSource::close);
      throw e;
    }
  }

  private static TensorSource openFile(Path file) {
    String name = file.getFileName().toString();
    if (name.endsWith(".safetensors.index.json")) {
      return new ShardedSource(file, SafetensorsSource::new);
    }
    if (name.endsWith(".bin.index.json")) {
      return new ShardedSource(file, PytorchSource::new);
    }
    return name.endsWith(".safetensors") ? new SafetensorsSource(file) : new PytorchSource(file);
  }

  /**
   * A file that another one names: it must lie in the same folder. A symbolic link there is
   * followed wherever it leads, as the cache of huggingface_hub needs.
   *
   * @throws FormatException if the name is anything but the plain name of a file
   */
  static Path inside(Path namedBy, String name) {
    Path folder = namedBy.toAbsolutePath().normalize().getParent();
    try {
      Path file = folder == null ? Path.of(name) : folder.resolve(name).normalize();
      if (!name.isEmpty()
          && name.indexOf('\\') < 0
          && file.getParent() != null
          && file.getParent().equals(folder)
          && file.getFileName().toString().equals(name)) {
        return file;
      }
    } catch (InvalidPathException e) {
      throw new FormatException(
          namedBy, "names file '%s'; that is no path: %s".formatted(name, e.getReason()), e);
    }
    throw new FormatException(
        namedBy, "names file '%s'; it must be the plain name of a file beside it".formatted(name));
  }

  private static Optional<Path> first(Path folder, List<String> names) {
    return names.stream().map(folder::resolve).filter(Files::exists).findFirst();
  }
}
