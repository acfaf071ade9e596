package dev.gavel.cli.training;

import dev.gavel.Context;
import dev.gavel.FileException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.RewardHead;
import dev.gavel.cli.metric.Tally;
import dev.gavel.text.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Trains a model and writes its folder: configuration, head, training log, model card. */
public final class ModelFolder {
  private static final String HEAD = "model.safetensors";
  private static final String LOG = "training-log.jsonl";
  private static final String CARD = "MODEL_CARD.md";

  private final Context context;
  private final int hiddenStateWidth;
  private final TrainedModel model;

  /** A folder for a model. */
  public ModelFolder(Context context, int hiddenStateWidth, TrainedModel model) {
    this.context = context;
    this.hiddenStateWidth = hiddenStateWidth;
    this.model = model;
  }

  /**
   * Checks that a folder can be written, before any work.
   *
   * @throws InvalidArgumentException if there is something in its place
   */
  public static void checkPlace(Path folder, boolean force) {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new InvalidArgumentException(
          "--out %s is a file; name a folder to make".formatted(folder));
    }
    if (!force && Files.exists(folder) && !isEmpty(folder)) {
      throw new InvalidArgumentException(
          "--out %s exists and is not empty; name another, or --force to replace its files"
              .formatted(folder));
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new FileException(folder, "cannot be made: " + e, e);
    }
  }

  /** Trains on some vectors, measures on others, and writes everything. */
  public void train(TrainingVectors training, TrainingVectors held, Path folder, boolean force) {
    Pooling pooling = model.candidate().head().pooling();
    HeadChoice choice = model.candidate().head();
    HeadTrainer trainer =
        new HeadTrainer(
            context,
            choice.spec(hiddenStateWidth),
            choice.initDeviation(),
            model.candidate().fit());
    List<HeadTrainer.Epoch> epochs = new ArrayList<>();
    List<VectorGroup> learned = training.toLearn(model.layouts(), pooling, row -> true);
    try (RewardHead head = trainer.train(learned, epochs::add)) {
      Map<Layout, Tally> results = new LinkedHashMap<>();
      for (Layout layout : held.layouts()) {
        Tally tally = new Tally();
        List<VectorGroup> groups = held.of(layout, pooling, row -> true);
        CrossValidation.addAll(tally, groups, HeadTrainer.score(head, groups));
        results.put(layout, tally);
      }
      checkPlace(folder, force);
      head.save(folder.resolve(HEAD));
      ModelConfig config =
          ModelConfig.builtIn(model.name(), model.layouts().getFirst(), pooling, model.budget());
      write(folder.resolve(ModelConfig.FILE), config.toJson());
      write(folder.resolve(LOG), TrainingLog.text(model, epochs, results));
      write(folder.resolve(CARD), ModelCard.text(model, epochs.getLast(), results));
    }
  }

  private static boolean isEmpty(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.findAny().isEmpty();
    } catch (IOException e) {
      throw new FileException(folder, "cannot be read: " + e, e);
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new FileException(file, "cannot be written: " + e, e);
    }
  }
}
