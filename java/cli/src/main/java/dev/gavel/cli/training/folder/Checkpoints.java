package dev.gavel.cli.training.folder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Optimizer;
import dev.gavel.RewardHead;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.run.WholeFile;
import dev.gavel.cli.training.Epoch;
import dev.gavel.cli.training.EpochStore;
import dev.gavel.cli.training.Validation;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The state of training in a folder {@code checkpoint} of the model folder that is being made,
 * which is gone when that is complete. {@code state.json} names the files that belong to it: they
 * are on the disk before it is, so whatever was killed when, it tells of whole files. Their
 * checksums, and one of its own, tell whether anything was changed since. It is there before the
 * first epoch, and the first to go at the end: without it nothing is unfinished. Who has the folder
 * holds a lock.
 */
public final class Checkpoints implements EpochStore, AutoCloseable {
  static final String FOLDER = "checkpoint";
  private static final String STATE = "state.json";
  private static final String LOCK = "lock";
  private static final String FORMAT = "gavel-training";
  // All that can be in the folder.
  private static final Pattern OWN =
      Pattern.compile(
          "lock|state\\.json(\\.partial)?|(optimizer|best)-\\d{6}\\.safetensors|\\..+\\.tmp");
  private static final int VERSION = 2;
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path modelFolder;
  private final Path folder;
  private final boolean made;
  private final RunSettings settings;
  private final FileChannel lock;
  private Optional<String> best = Optional.empty();
  private boolean kept;

  private Checkpoints(Path modelFolder, boolean made, RunSettings settings, FileChannel lock) {
    this.modelFolder = modelFolder;
    this.folder = modelFolder.resolve(FOLDER);
    this.made = made;
    this.settings = settings;
    this.lock = lock;
  }

  /** Whether a model folder holds the state of training that did not come to its end. */
  public static boolean isUnfinished(Path modelFolder) {
    return Files.exists(modelFolder.resolve(FOLDER).resolve(STATE));
  }

  /** Whether a model folder holds nothing but what is left of a run that kept no state. */
  static boolean isLeft(Path modelFolder) {
    Path folder = modelFolder.resolve(FOLDER);
    if (!Files.isDirectory(folder) || isUnfinished(modelFolder)) {
      return false;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.allMatch(file -> OWN.matcher(file.getFileName().toString()).matches());
    } catch (IOException e) {
      throw new FileException(folder, "cannot be read: " + SystemReason.reading(e), e);
    }
  }

  /** Removes what is {@link #isLeft left}, unless a run that has just begun has the folder. */
  static void removeLeft(Path modelFolder) {
    if (!isLeft(modelFolder)) {
      return;
    }
    Path folder = modelFolder.resolve(FOLDER);
    try (FileChannel channel = lock(folder)) {
      if (tryLock(channel) != null && isLeft(modelFolder)) {
        remove(folder);
      }
    } catch (IOException e) {
      throw new FileException(folder, "cannot be removed: " + SystemReason.writing(e), e);
    }
  }

  /**
   * Writes a file and removes it, where the model will be and where its state will be: what a
   * folder says of its permissions is not what the system does.
   *
   * @throws FileException if it cannot be written
   */
  static void tryToWrite(Path modelFolder) {
    Path state = modelFolder.resolve(FOLDER);
    for (Path folder : List.of(modelFolder, state)) {
      if (folder.equals(state) && !Files.exists(state)) {
        continue;
      }
      try {
        // Another run that goes on from a complete folder may have tidied it.
        Files.deleteIfExists(Files.createTempFile(folder, ".gavel-", ".tmp"));
      } catch (IOException e) {
        // Without the cause: where a system says that there is no such file, the folder is there.
        throw new FileException(folder, "cannot be written: " + SystemReason.writing(e));
      }
    }
  }

  /**
   * Takes the folder.
   *
   * @param settings what decides the bits of the model
   * @param resume whether to go on with the state that is there; otherwise it is forgotten
   * @throws InvalidArgumentException if another run has it, or its state is of other settings
   */
  public static Checkpoints open(Path modelFolder, RunSettings settings, boolean resume) {
    Path folder = modelFolder.resolve(FOLDER);
    try {
      boolean made = !Files.exists(modelFolder);
      Files.createDirectories(folder);
      FileChannel channel = lock(folder);
      Checkpoints checkpoints = new Checkpoints(modelFolder, made, settings, channel);
      try {
        if (tryLock(channel) == null) {
          throw new InvalidArgumentException(
              "--out %s is being written by another run; wait for it, or name another"
                  .formatted(modelFolder));
        }
        if (resume && isUnfinished(modelFolder)) {
          checkpoints.requireSame(modelFolder);
        } else {
          // Before the first epoch is done: a run that is killed in it can go on, too.
          checkpoints.write(List.of(), Optional.empty());
        }
        return checkpoints;
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new FileException(folder, "cannot be written: " + SystemReason.writing(e), e);
    }
  }

  private static FileChannel lock(Path folder) throws IOException {
    return FileChannel.open(
        folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  // Held until the channel is closed. Null where another run has it, in this process or another.
  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private void requireSame(Path modelFolder) {
    Optional<JsonNode> state = state();
    if (state.isEmpty()) {
      return;
    }
    Map<String, String> before = new LinkedHashMap<>();
    state
        .get()
        .path("settings")
        .properties()
        .forEach(e -> before.put(e.getKey(), e.getValue().asText()));
    List<String> differences = settings.differences(new RunSettings(before));
    if (!differences.isEmpty()) {
      throw new InvalidArgumentException(
          "--out %s cannot be continued, its run had other settings:%sUse those, or start over with --force and without --resume"
              .formatted(modelFolder, RunSettings.listed(differences)));
    }
    kept = !state.get().path("epochs").isEmpty();
  }

  @Override
  public Saved restore(Optimizer optimizer) {
    Optional<JsonNode> state = state();
    if (state.isEmpty()) {
      return Saved.NOTHING;
    }
    List<Epoch> epochs = new ArrayList<>();
    for (JsonNode epoch : state.get().path("epochs")) {
      epochs.add(EpochJson.read(epoch));
    }
    if (epochs.isEmpty()) {
      return Saved.NOTHING;
    }
    optimizer.restore(named(state.get(), "optimizer", epochs.size()));
    best = Optional.ofNullable(state.get().get("best")).map(JsonNode::asText);
    return new Saved(
        epochs,
        best.map(_ ->
            RewardHead.load(
                optimizer.head().context(), named(state.get(), "best", Validation.best(epochs)))));
  }

  @Override
  public void save(List<Epoch> epochs, Optimizer optimizer, Optional<RewardHead> better) {
    String file = name("optimizer", epochs.size());
    optimizer.save(folder.resolve(file));
    better.ifPresent(head -> {
      String name = name("best", epochs.size());
      head.save(folder.resolve(name));
      best = Optional.of(name);
    });
    try {
      write(epochs, Optional.of(file));
    } catch (IOException e) {
      throw new FileException(folder, "cannot be written: " + SystemReason.writing(e), e);
    }
    kept = true;
  }

  private void write(List<Epoch> epochs, Optional<String> optimizer) throws IOException {
    ObjectNode state = JSON.createObjectNode();
    state.put("format", FORMAT).put("format_version", VERSION);
    if (optimizer.isPresent()) {
      state.put("optimizer", optimizer.get());
      state.put("optimizer_crc32c", WholeFile.checksum(folder.resolve(optimizer.get())));
    }
    if (best.isPresent()) {
      state.put("best", best.get());
      state.put("best_crc32c", WholeFile.checksum(folder.resolve(best.get())));
    }
    ArrayNode list = state.putArray("epochs");
    epochs.forEach(epoch -> EpochJson.write(list.addObject(), epoch));
    ObjectNode words = state.putObject("settings");
    settings.values().forEach(words::put);
    state.put("check", WholeFile.checksum(state.toString()));
    WholeFile.write(folder.resolve(STATE), JSON.writeValueAsBytes(state));
    List<String> named = new ArrayList<>(List.of(STATE, LOCK));
    optimizer.ifPresent(named::add);
    best.ifPresent(named::add);
    deleteBut(folder, named);
  }

  /** Removes the state: the model is complete. */
  public void finish() {
    try {
      remove(folder);
    } catch (IOException e) {
      throw new FileException(folder, "cannot be removed: " + SystemReason.writing(e), e);
    }
  }

  // The state first: of a run that is killed meanwhile, it would name files that are gone.
  private static void remove(Path folder) throws IOException {
    Files.deleteIfExists(folder.resolve(STATE));
    if (Files.exists(folder)) {
      deleteBut(folder, List.of());
      Files.delete(folder);
    }
  }

  /** Keeps no state of a run from which no other can go on. */
  public void giveUp() {
    kept = false;
  }

  /** Gives the folder back; nothing is left of a run that failed before its first epoch. */
  @Override
  public void close() {
    try (lock) {
      if (!kept) {
        remove(folder);
        if (made && isEmpty(modelFolder)) {
          Files.delete(modelFolder);
        }
      }
    } catch (IOException e) {
      throw new FileException(folder, "cannot be given back: " + e, e);
    }
  }

  private Optional<JsonNode> state() {
    Path file = folder.resolve(STATE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonNode state = JSON.readTree(Files.readAllBytes(file));
      if (!state.path("format").asText().equals(FORMAT)
          || state.path("format_version").asInt() != VERSION) {
        throw new FormatException(file, "is no state of training; start over with --force");
      }
      // What was read is written with the same bytes: keys keep their order, numbers their digits.
      JsonNode check = ((ObjectNode) state).remove("check");
      if (check == null || !check.asText().equals(WholeFile.checksum(state.toString()))) {
        throw changed(file);
      }
      return Optional.of(state);
    } catch (JsonProcessingException e) {
      throw new FormatException(
          file,
          "is no state of training (%s); start over with --force"
              .formatted(e.getOriginalMessage()));
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
  }

  // The names are known: what else a file says is not opened.
  private Path named(JsonNode state, String kind, int epoch) {
    String name = name(kind, epoch);
    if (!state.path(kind).asText().equals(name)) {
      throw new FormatException(
          folder.resolve(STATE),
          "names %s '%s'; after its epochs it must be %s"
              .formatted(kind, state.path(kind).asText(), name));
    }
    Path file = folder.resolve(name);
    try {
      if (!state.path(kind + "_crc32c").asText().equals(WholeFile.checksum(file))) {
        throw changed(file);
      }
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
    return file;
  }

  private static FormatException changed(Path file) {
    return new FormatException(
        file, "was changed since the run wrote it; start over with --force and without --resume");
  }

  private static String name(String kind, int epoch) {
    return "%s-%06d.safetensors".formatted(kind, epoch);
  }

  private static boolean isEmpty(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  private static void deleteBut(Path folder, List<String> named) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (!named.contains(file.getFileName().toString())) {
          Files.deleteIfExists(file);
        }
      }
    }
  }
}
