package dev.gavel.cli;

import dev.gavel.Context;
import dev.gavel.Device;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.cli.cache.CacheIndex;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.input.InputFile;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.options.FormerInputName;
import dev.gavel.cli.options.HoldoutOptions;
import dev.gavel.cli.options.ModelOptions;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.training.Candidate;
import dev.gavel.cli.training.CrossValidation;
import dev.gavel.cli.training.TrainOptions;
import dev.gavel.cli.training.data.CachedTrainingData;
import dev.gavel.cli.training.data.PreferenceFile;
import dev.gavel.cli.training.data.TextTrainingData;
import dev.gavel.cli.training.data.TrainingData;
import dev.gavel.cli.training.folder.Checkpoints;
import dev.gavel.cli.training.folder.DataFile;
import dev.gavel.cli.training.folder.ModelFolder;
import dev.gavel.cli.training.folder.TrainRun;
import dev.gavel.cli.training.folder.TrainedModel;
import dev.gavel.message.Counted;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.TokenBudget;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains a reward head and writes a model folder. */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Trains a reward head and writes a model folder for score --model.",
      "It learns on the built-in encoder, or on the vectors of a cache.",
      "",
      "Rows are those of score, and say which response is better: chosen and rejected, or scores",
      "(higher is better), or rankings (1 is best, ties allowed) beside responses.",
      "With --folds, options shown with [,...] may list several values: every combination is compared.",
      ""
    })
final class TrainCommand implements Callable<Integer> {
  private final Streams streams;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILE|CACHE",
      description =
          "Rows with preferences: JSON lines, plain, gzip or Zstandard, or Parquet. Or a folder that"
              + " gavel cache made: then any backbone, and its vectors as they are.")
  private String input = "";

  @Mixin FormerInputName formerInputName = new FormerInputName();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "The model folder to make. May be left out with --folds, to compare only.")
  private @Nullable Path out;

  @Option(
      names = "--skip-bad-rows",
      description =
          "Leave out rows that cannot be used, and say which; otherwise they are an error.")
  private boolean skipBadRows;

  @Option(
      names = "--force",
      description = "Replace a model folder that exists, and forget an unfinished run.")
  private boolean force;

  @Option(
      names = "--resume",
      description =
          "Go on with the unfinished run of this folder, or begin it where there is none. The model"
              + " will have the bytes of a run that was never interrupted.")
  private boolean resume;

  @Option(
      names = "--validation",
      paramLabel = "FRACTION",
      description =
          "Part of the training rows, by prompt, that is not learned from and chooses the epoch:"
              + " the one with the lowest loss on them. Default: 0, the last epoch")
  private double validation;

  @Option(
      names = "--patience",
      paramLabel = "N",
      description =
          "Stop after N epochs without a lower loss on the validation rows. Default: never")
  private @Nullable Integer patience;

  @Option(
      names = "--folds",
      paramLabel = "K",
      description = "Compare by K-fold cross-validation inside the training part, 2 to 100.")
  private @Nullable Integer folds;

  @Option(
      names = "--reversed",
      description =
          "In layout joint, learn also from the responses in the opposite order, so that a place"
              + " in the sequence means less.")
  private boolean reversed;

  @Option(
      names = "--prompt-tokens",
      paramLabel = "N",
      description = "Most tokens kept of a prompt. Default: 64")
  private @Nullable Integer promptTokens;

  @Option(
      names = "--response-tokens",
      paramLabel = "N",
      description = "Most tokens kept of a response. Default: 512")
  private @Nullable Integer responseTokens;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads; the result does not depend on it. Default: one per processor")
  private @Nullable Integer threads;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "Where the head is trained: cpu, cuda or cuda:n. Default: ${DEFAULT-VALUE}")
  private String device = "cpu";

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "What the model is called. Default: the folder's name")
  private @Nullable String name;

  @Option(
      names = "--data-note",
      paramLabel = "TEXT",
      description = "For the model card: origin and licence of the data.")
  private String dataNote = "not stated";

  @Option(
      names = "--note",
      paramLabel = "TEXT",
      description = "For the model card: what the model is for.")
  private String note = "";

  @Mixin private HoldoutOptions holdout = new HoldoutOptions();
  @Mixin private TrainOptions options = new TrainOptions();

  TrainCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() {
    double fraction = holdout.orElse(0.3);
    Optional<HiddenCache> cache =
        HiddenCache.is(Path.of(input))
            ? Optional.of(HiddenCache.open(Path.of(input)))
            : Optional.empty();
    Layout ownLayout = cache.map(CachedTrainingData::layout).orElse(Layout.JOINT);
    Pooling ownPooling = cache.map(CachedTrainingData::pooling).orElse(Pooling.spanMean());
    List<Candidate> candidates = options.candidates(ownPooling);
    List<Layout> layouts = options.layouts(ownLayout);
    checkOptions(candidates, layouts);
    cache.ifPresent(one -> checkCache(one, candidates, layouts));
    TokenBudget budget = budget();
    Optional<InputFile> file =
        cache.isPresent() ? Optional.empty() : Optional.of(InputFile.named("--input", input));
    int count = ModelOptions.positive("--threads", threads).orElse(processors());
    Device on = Device.parse(device);
    Optional<TrainRun> run = Optional.empty();
    if (out != null) {
      boolean complete = ModelFolder.checkPlace(out, force, resume);
      TrainRun one = run(out, candidates.getFirst(), layouts, fraction, on);
      if (complete) {
        ModelFolder.requireSame(out, one.settings());
        streams.say("model folder %s is complete already".formatted(out));
        return ExitCode.DONE;
      }
      run = Optional.of(one);
    }
    Context.Options where = Context.Options.defaults().withThreads(count).withDevice(on);
    try (Context context = Context.open(where);
        TrainingData vectors =
            cache.isPresent()
                ? CachedTrainingData.open(input, cache.get(), fraction, skipBadRows, streams)
                : text(file.orElseThrow(), candidates, fraction, context, count, budget)) {
      if (vectors.trainingRows() == 0) {
        throw CommandFailure.usage("%s has no row in the training part".formatted(input));
      }
      if (folds != null) {
        compare(
            new CrossValidation(
                context, vectors.training(), layouts, vectors.hiddenStateWidth(), folds),
            candidates);
      }
      if (run.isPresent()) {
        train(run.get(), context, vectors);
      }
    }
    return ExitCode.DONE;
  }

  private TrainRun run(
      Path folder, Candidate candidate, List<Layout> layouts, double fraction, Device on) {
    return new TrainRun(
        folder,
        name == null ? String.valueOf(folder.getFileName()) : name,
        candidate,
        layouts,
        reversed,
        options.seed(),
        fraction,
        validation,
        patience == null ? 0 : patience,
        budget(),
        on.toString(),
        DataFile.of(dataFile()),
        dataNote,
        note);
  }

  private TokenBudget budget() {
    return new TokenBudget(
        512,
        promptTokens == null ? 64 : promptTokens,
        responseTokens == null ? 512 : responseTokens);
  }

  private TrainingData text(
      InputFile file,
      List<Candidate> candidates,
      double fraction,
      Context context,
      int count,
      TokenBudget budget) {
    PreferenceFile preferences = PreferenceFile.read(file, streams);
    List<Pooling> poolings = candidates.stream().map(c -> c.head().pooling()).distinct().toList();
    return TextTrainingData.read(
        input,
        preferences,
        fraction,
        context,
        new TextTrainingData.Options(
            poolings, reversed, budget, options.seed(), count, out != null),
        read -> read.forTraining(input, skipBadRows, streams));
  }

  private void train(TrainRun run, Context context, TrainingData vectors) {
    Path folder = run.folder();
    TrainedModel model = run.model(vectors);
    try (Checkpoints checkpoints = Checkpoints.open(folder, run.settings(vectors), resume)) {
      try {
        new ModelFolder(context, model, run.settings())
            .train(vectors.training(), vectors.held(), folder, checkpoints);
      } catch (InvalidArgumentException e) {
        // With these settings on these data it would end here again.
        checkpoints.giveUp();
        throw e;
      }
    }
    streams.say(
        "model folder %s is written%s"
            .formatted(
                folder,
                model.config().usesBuiltInEncoder()
                    ? ""
                    : "; put %s and %s of the model that made the cache beside its head"
                        .formatted(model.config().backbone(), model.config().tokenizer())));
  }

  private Path dataFile() {
    Path path = Path.of(input);
    return HiddenCache.is(path) ? path.resolve(CacheIndex.FILE) : path;
  }

  private void checkCache(HiddenCache cache, List<Candidate> candidates, List<Layout> layouts) {
    if (promptTokens != null || responseTokens != null || reversed) {
      throw CommandFailure.usage(
          "--prompt-tokens, --response-tokens and --reversed do not go with a cache, which was made"
              + " of texts before: give them to gavel cache");
    }
    Layout layout = CachedTrainingData.layout(cache);
    if (!layouts.equals(List.of(layout))) {
      throw CommandFailure.usage(
          "cache %s is of layout %s; leave --layout out, or write another cache"
              .formatted(cache.folder(), ModelConfig.name(layout)));
    }
    CachedTrainingData.requireRowsOfResponses(cache);
    Pooling pooling = CachedTrainingData.pooling(cache);
    for (Candidate candidate : candidates) {
      if (!candidate.head().pooling().equals(pooling)) {
        throw CommandFailure.usage(
            "cache %s is of pooling %s; leave --pooling out, or write another cache"
                .formatted(cache.folder(), ModelConfig.name(pooling)));
      }
    }
  }

  private void checkOptions(List<Candidate> candidates, List<Layout> layouts) {
    if (folds == null && out == null) {
      throw CommandFailure.usage("give --out DIR, or --folds K to compare only");
    }
    if (folds != null && (folds < 2 || folds > 100)) {
      throw CommandFailure.usage("--folds is %d; it must be 2 to 100".formatted(folds));
    }
    if (out != null && candidates.size() > 1) {
      throw CommandFailure.usage(
          "--out with %d combinations of options; a model is trained with one: give --folds without --out to compare"
              .formatted(candidates.size()));
    }
    if (!(validation >= 0 && validation < 1)) {
      throw CommandFailure.usage(
          "--validation is %s; it must be 0 or more and below 1".formatted(validation));
    }
    ModelOptions.positive("--patience", patience);
    if (patience != null && validation == 0) {
      throw CommandFailure.usage("--patience needs --validation FRACTION");
    }
    if (out == null && (force || resume || validation > 0)) {
      throw CommandFailure.usage("--force, --resume and --validation go with --out only");
    }
    if (reversed && !layouts.contains(Layout.JOINT)) {
      throw CommandFailure.usage(
          "--reversed without layout joint; alone, responses have no order: leave it out, or give --layout joint");
    }
    if (input.equals("-")) {
      throw CommandFailure.usage(
          "--input is -; the data must be a file, whose hash is written down");
    }
    Path path = Path.of(input);
    if (out != null
        && Files.exists(path)
        && !Files.isRegularFile(path)
        && !Files.isDirectory(path)) {
      throw CommandFailure.usage(
          "--input %s is a pipe or a device; the data must be a file, whose hash is written down"
              .formatted(input));
    }
  }

  private static int processors() {
    return Math.min(Runtime.getRuntime().availableProcessors(), Context.MOST_THREADS);
  }

  private void compare(CrossValidation validation, List<Candidate> candidates) {
    PrintWriter print = new PrintWriter(streams.out(), true, StandardCharsets.UTF_8);
    boolean first = true;
    for (Candidate candidate : candidates) {
      Map<Layout, Tally> tallies = validation.run(candidate);
      if (first) {
        Tally any = tallies.values().iterator().next();
        print.printf(
            "%d folds of %s; accuracy with 95 %% intervals; length only %s, chance %.1f %%%n",
            folds,
            Counted.of(any.accuracy().of(), "row"),
            any.lengthAccuracy().percent(),
            100 * any.chance());
        first = false;
      }
      StringBuilder line = new StringBuilder();
      tallies.forEach((layout, tally) ->
          line.append("%s %s  ".formatted(ModelConfig.name(layout), tally.accuracy().percent())));
      print.println(line + candidate.describe());
    }
  }
}
