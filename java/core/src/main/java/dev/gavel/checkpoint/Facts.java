package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What a folder says of its model, for the rules that recognise a pattern.
 *
 * @param folder the folder
 * @param config its config.json
 * @param tensors its tensors
 * @param headNames names of tensors that are not the backbone's
 * @param note is told every file that the rules read
 */
record Facts(
    Path folder,
    ModelJson config,
    TensorSource tensors,
    Set<String> headNames,
    Consumer<Path> note) {

  // Configurations call the width of hidden states differently.
  private static final List<String> WIDTH_KEYS = List.of("hidden_size", "n_embd", "d_model");

  static Facts of(Path folder, TensorSource tensors) {
    return of(folder, tensors, _ -> {});
  }

  /** The same, which tells the files that are read. */
  static Facts of(Path folder, TensorSource tensors, Consumer<Path> note) {
    Path file = folder.resolve(CheckpointFiles.CONFIG);
    note.accept(file);
    return new Facts(
        folder,
        ModelJson.read(file, ModelJson.MOST_CONFIG_BYTES),
        new NotedSource(tensors, note),
        Backbone.others(tensors.names()),
        note);
  }

  /** A file of the folder that is about to be read. */
  Path toRead(String name) {
    Path file = folder.resolve(name);
    note.accept(file);
    return file;
  }

  boolean hasHead(String name) {
    return headNames.contains(name);
  }

  boolean has(String name) {
    return tensors.names().contains(name);
  }

  boolean hasFile(String name) {
    return Files.exists(folder.resolve(name));
  }

  /** Whether an architecture of the configuration ends in this. */
  boolean isArchitecture(String ending) {
    return config.texts("architectures").stream().anyMatch(name -> name.endsWith(ending));
  }

  String modelType() {
    return config.text("model_type").orElse("");
  }

  /** H, from the configuration or its text_config. */
  long hiddenWidth() {
    Optional<ModelJson> text = config.object("text_config");
    for (String key : WIDTH_KEYS) {
      Optional<Long> width =
          config.integer(key).or(() -> text.flatMap(inner -> inner.integer(key)));
      if (width.isPresent()) {
        if (width.get() < 1 || width.get() > 1 << 20) {
          throw config.wrong(key, width.get().toString(), "from 1 to 1048576");
        }
        return width.get();
      }
    }
    throw new FormatException(
        config.file(),
        "has no width of hidden states; expected one of the keys %s".formatted(WIDTH_KEYS));
  }

  /** Number of labels, where the configuration tells it: {@code num_labels} or {@code id2label}. */
  Optional<Long> labels() {
    Optional<Long> number = config.integer("num_labels");
    Optional<Long> named = config.object("id2label").map(labels -> (long) labels.size());
    if (number.isPresent() && named.isPresent() && !number.equals(named)) {
      throw config.wrong(
          "num_labels", number.get().toString(), "%d as id2label has".formatted(named.get()));
    }
    return number.or(() -> named);
  }
}
