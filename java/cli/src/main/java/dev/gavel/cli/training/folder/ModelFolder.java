package dev.gavel.cli.training.folder;

import dev.gavel.Context;
import dev.gavel.FileException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.RewardHead;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.Part;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.program.FileNames;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.cli.run.WholeFile;
import dev.gavel.cli.training.CrossValidation;
import dev.gavel.cli.training.FitChoice;
import dev.gavel.cli.training.HeadChoice;
import dev.gavel.cli.training.HeadTrainer;
import dev.gavel.cli.training.Validation;
import dev.gavel.cli.training.data.TrainingVectors;
import dev.gavel.cli.training.data.VectorGroup;
import dev.gavel.message.SystemReason;
import dev.gavel.text.ModelConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Trains a model and writes its folder: configuration, head, training log, model card. */
public final class ModelFolder {
  private static final String HEAD = "model.safetensors";
  private static final String LOG = "training-log.jsonl";
  private static final String CURVE = "learning-curve";
  // Written last but for the end of the checkpoint: a folder that has it is complete.
  private static final String CARD = "MODEL_CARD.md";
  // What a run that was killed while it wrote a file leaves of it.
  private static final Pattern BEGUN =
      Pattern.compile(
          "\\.gavel-\\d+\\.tmp|\\.model\\.safetensors\\.[0-9a-f-]{36}\\.tmp|(%s)\\.partial"
              .formatted(
                  String.join("|", ModelConfig.FILE, LOG, CURVE + ".json", CURVE + ".svg", CARD)));

  private final Context context;
  private final TrainedModel model;
  private final RunSettings settings;

  /**
   * A folder for a model.
   *
   * @param settings which the folder tells of when it is complete
   */
  public ModelFolder(Context context, TrainedModel model, RunSettings settings) {
    this.context = context;
    this.model = model;
    this.settings = settings;
  }

  /**
   * Checks that a folder can be written, before any work.
   *
   * @return whether it is complete already, where an unfinished run was to go on
   * @throws InvalidArgumentException if there is something in its place
   */
  public static boolean checkPlace(Path folder, boolean force, boolean resume) {
    FileNames.requireEnd("--out", folder);
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new InvalidArgumentException(
          "--out %s is a file; name a folder to make".formatted(folder));
    }
    boolean unfinished = Checkpoints.isUnfinished(folder);
    if (resume && !unfinished && Files.exists(folder.resolve(CARD))) {
      return true;
    }
    if (!force && !(resume && unfinished) && Files.exists(folder) && !isEmpty(folder)) {
      throw new InvalidArgumentException(
          unfinished
              ? "--out %s has an unfinished run; go on with --resume, or start over with --force"
                  .formatted(folder)
              : "--out %s exists and is not empty; name another, or --force to replace its files"
                  .formatted(folder));
    }
    try {
      boolean made = !Files.exists(folder);
      Files.createDirectories(folder);
      Checkpoints.tryToWrite(folder);
      if (made) {
        // Until there is something to put there: a run that fails before leaves nothing.
        Files.deleteIfExists(folder);
      }
    } catch (IOException e) {
      throw new FileException(folder, "cannot be made: " + SystemReason.writing(e), e);
    }
    return false;
  }

  /**
   * Checks that a complete folder is what a run would make.
   *
   * @throws InvalidArgumentException if it was made with other settings, or does not tell
   */
  public static void requireSame(Path folder, RunSettings settings) {
    RunSettings before =
        TrainingLog.settings(folder.resolve(LOG))
            .orElseThrow(() ->
                new InvalidArgumentException(
                    "--out %s is complete, but its %s does not tell with which settings it was made. Name another, or start over with --force and without --resume"
                        .formatted(folder, LOG)));
    List<String> differences = settings.differences(before);
    if (!differences.isEmpty()) {
      throw new InvalidArgumentException(
          "--out %s is complete, and was made with other settings:%sUse those, name another, or start over with --force and without --resume"
              .formatted(folder, RunSettings.listed(differences)));
    }
    // Of a run that was killed before its first file, or when all was written.
    deleteBegun(folder);
    Checkpoints.removeLeft(folder);
  }

  /**
   * Trains on some vectors, measures on others, and writes everything.
   *
   * @param checkpoints where the state of training is kept meanwhile
   */
  public void train(
      TrainingVectors training, TrainingVectors held, Path folder, Checkpoints checkpoints) {
    HeadChoice choice = model.candidate().head();
    FitChoice fit = model.candidate().fit();
    Pooling pooling = choice.pooling();
    HeadTrainer trainer =
        new HeadTrainer(
            context, model.candidate().spec(model.hiddenStateWidth()), choice.initDeviation(), fit);
    List<VectorGroup> learned =
        training.toLearn(model.layouts(), pooling, group -> !isValidation(group));
    if (learned.isEmpty()) {
      throw new InvalidArgumentException(
          "--validation %s leaves no row to learn from".formatted(model.validation()));
    }
    Validation validation =
        new Validation(
            training.of(model.layouts().getFirst(), pooling, this::isValidation), model.patience());
    if (model.validation() > 0 && !validation.isOn()) {
      throw new InvalidArgumentException(
          "--validation %s names no row of the training part; give more, or leave it out"
              .formatted(model.validation()));
    }
    HeadTrainer.Fitted fitted = trainer.train(learned, validation, checkpoints);
    try (RewardHead head = fitted.head()) {
      Map<Layout, Tally> results = new LinkedHashMap<>();
      for (Layout layout : held.layouts()) {
        Tally tally = new Tally();
        List<VectorGroup> groups = held.of(layout, pooling, _ -> true);
        CrossValidation.addAll(
            tally, groups, HeadTrainer.score(head, fit.loss().readout(), groups));
        results.put(layout, tally);
      }
      deleteBegun(folder);
      head.save(folder.resolve(HEAD));
      write(folder.resolve(ModelConfig.FILE), model.config().toJson());
      write(folder.resolve(LOG), TrainingLog.text(model, settings, fitted.epochs(), results));
      write(folder.resolve(CURVE + ".json"), LearningCurve.json(fitted, fit.epochs()));
      write(folder.resolve(CURVE + ".svg"), LearningCurve.svg(fitted));
      write(folder.resolve(CARD), ModelCard.text(model, fitted, results));
      checkpoints.finish();
    }
  }

  private boolean isValidation(GroupFacts group) {
    return model.validation() > 0 && Part.isValidation(group.prompt(), model.validation());
  }

  // Whatever is left of a run that kept no state is nothing.
  private static boolean isEmpty(Path folder) {
    boolean left = Checkpoints.isLeft(folder);
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .allMatch(
              name -> BEGUN.matcher(name).matches() || (left && name.equals(Checkpoints.FOLDER)));
    } catch (IOException e) {
      throw new FileException(folder, "cannot be read: " + SystemReason.reading(e), e);
    }
  }

  private static void deleteBegun(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        if (BEGUN.matcher(entry.getFileName().toString()).matches()) {
          Files.deleteIfExists(entry);
        }
      }
    } catch (IOException e) {
      throw new FileException(folder, "cannot be tidied: " + SystemReason.writing(e), e);
    }
  }

  private static void write(Path file, String text) {
    try {
      WholeFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new FileException(file, "cannot be written: " + SystemReason.writing(e), e);
    }
  }
}
