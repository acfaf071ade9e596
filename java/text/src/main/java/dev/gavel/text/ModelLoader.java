package dev.gavel.text;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.RewardHead;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/** From the name of a model to its parts. */
final class ModelLoader {
  private ModelLoader() {}

  /**
   * A model that was found and not loaded.
   *
   * @param config its configuration
   * @param folder where its files are
   * @param reading how its head reads a sequence
   * @param head loads its head
   */
  record Found(ModelConfig config, Path folder, HeadReading reading, HeadLoader head) {

    /** The file of its head, for messages. */
    Path headFile() {
      return folder.resolve(config.head());
    }
  }

  /** Loads a head. */
  @FunctionalInterface
  interface HeadLoader {
    /** Loads it; the caller closes it. */
    ScoringHead load(Context context);
  }

  /** The parts of a loaded model, each to close. */
  record Parts(Found found, Context context, ScoringHead head, TextBackbone text) {
    /** Closes them, where no model takes them. */
    void close() {
      head.close();
      context.close();
      text.close();
    }
  }

  /** Loads all parts and checks that they fit together. */
  static Parts open(String nameOrFolder, RewardModel.Options options) {
    Found found = find(nameOrFolder, options.choices());
    try (BackboneLoading loading = BackboneLoading.begin(found.config(), options.backbone())) {
      return open(found, options, loading);
    }
  }

  private static Parts open(Found found, RewardModel.Options options, BackboneLoading loading) {
    Context context = context(options);
    try {
      ScoringHead head = found.head().load(context);
      try {
        TextBackbone text =
            TextBackbone.open(
                found.config(), found.folder(), options.backbone(), found.reading(), loading);
        try {
          head.checkFit(text.backbone(), found.headFile());
          checkLayout(found.config(), options);
          return new Parts(found, context, head, text);
        } catch (RuntimeException e) {
          text.close();
          throw e;
        }
      } catch (RuntimeException e) {
        head.close();
        throw e;
      }
    } catch (RuntimeException e) {
      context.close();
      throw e;
    }
  }

  /** The context that a model's head runs on. */
  static Context context(RewardModel.Options options) {
    return Context.open(
        Context.Options.defaults().withDevice(options.device()).withThreads(options.threads()));
  }

  private static void checkLayout(ModelConfig config, RewardModel.Options options) {
    Layout layout = options.layout().orElseGet(config::layoutValue);
    if (layout == Layout.JOINT && !config.sequence().hasSeparator()) {
      throw new InvalidArgumentException(
          "layout is joint and model %s has no separator: it judges one response at a time; use independent"
              .formatted(config.name()));
    }
    TokenBudget budget = options.apply(config.budget());
    if (budget.context() > config.context()) {
      throw new InvalidArgumentException(
          "context is %d tokens; the model has %d".formatted(budget.context(), config.context()));
    }
  }

  /** Finds a model by its name or folder. */
  static Found find(String nameOrFolder, ModelChoices choices) {
    if (nameOrFolder.equals(ModelFiles.DEFAULT)) {
      ModelConfig config =
          ModelConfig.parse(
              ModelFiles.resource(ModelConfig.FILE), Path.of(ModelFiles.DEFAULT, ModelConfig.FILE));
      return own(
          config,
          Path.of(ModelFiles.DEFAULT),
          choices,
          context ->
              ModelFiles.withResource(config.head(), file -> RewardHead.load(context, file)));
    }
    Path folder = folder(nameOrFolder);
    Path file = folder.resolve(ModelConfig.FILE);
    byte[] content = ModelFiles.read(file, ModelConfig.MOST_BYTES);
    if (PublishedFolder.is(content)) {
      PublishedFolder published = PublishedFolder.read(folder, content, choices);
      return new Found(
          published.config(),
          folder,
          published.reading(),
          context -> load(published, choices, context));
    }
    ModelConfig config = ModelConfig.parse(content, file);
    config.requireNames(file);
    return own(
        config,
        folder,
        choices,
        context -> RewardHead.load(context, ModelFiles.inside(folder, config.head())));
  }

  @FunctionalInterface
  private interface OwnHead {
    RewardHead load(Context context);
  }

  /** A model in the format of this library, whose configuration says everything. */
  private static Found own(ModelConfig config, Path folder, ModelChoices choices, OwnHead head) {
    if (choices.pattern().isPresent()) {
      throw new InvalidArgumentException(
          "pattern is %s, and model %s is no published folder whose head must be recognised; leave it out"
              .formatted(choices.pattern().get(), config.name()));
    }
    refuseStepSeparator(config.name(), choices);
    return new Found(
        config,
        folder,
        HeadReading.ofResponses(),
        context -> scoring(config, head.load(context), Optional.empty(), choices));
  }

  /** Only token classifiers have steps whose end their files do not tell. */
  static void refuseStepSeparator(String model, ModelChoices choices) {
    if (choices.stepSeparator().isPresent()) {
      throw new InvalidArgumentException(
          "step separator is '%s', and model %s knows where its steps end, or scores none; leave it out"
              .formatted(Excerpt.of(choices.stepSeparator().get()), model));
    }
  }

  private static ScoringHead scoring(
      ModelConfig config, RewardHead head, Optional<RewardHead> gate, ModelChoices choices) {
    try {
      return ScoringHead.of(
          config.name(),
          head,
          gate,
          config.poolingValue(),
          config.readoutValue(),
          ObjectiveNames::numbered,
          choices.objective());
    } catch (RuntimeException e) {
      head.close();
      throw e;
    }
  }

  // Hidden states are f32 here, and every number of a narrower head is one of f32, too.
  private static ScoringHead load(
      PublishedFolder published, ModelChoices choices, Context context) {
    RewardHead head = published.checkpoint().load(context, DType.F32);
    Optional<RewardHead> gate = Optional.empty();
    try {
      if (published.checkpoint().isGated()) {
        gate = Optional.of(published.checkpoint().loadGate(context, DType.F32));
      }
      return ScoringHead.of(
          published.config().name(),
          head,
          gate,
          published.checkpoint().pooling(),
          gate.map(published.checkpoint()::readout).orElseGet(published.checkpoint()::readout),
          published::objectiveNames,
          choices.objective());
    } catch (RuntimeException e) {
      gate.ifPresent(RewardHead::close);
      head.close();
      throw e;
    }
  }

  private static Path folder(String name) {
    try {
      Path folder = Path.of(name);
      // The empty name would be the working directory, which nobody means by it.
      if (!name.isEmpty() && Files.isDirectory(folder)) {
        return folder;
      }
    } catch (InvalidPathException e) {
      throw new InvalidArgumentException(
          "model is '%s'; that is no path: %s".formatted(Excerpt.of(name), e.getReason()));
    }
    throw new InvalidArgumentException(
        "model is '%s'; it must be 'default' or a model folder, and there is no folder of this name"
            .formatted(name));
  }
}
