package dev.gavel.cli;

import dev.gavel.Context;
import dev.gavel.Device;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.cli.metric.Part;
import dev.gavel.cli.metric.Tally;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.training.Candidate;
import dev.gavel.cli.training.CrossValidation;
import dev.gavel.cli.training.ModelFolder;
import dev.gavel.cli.training.TrainedModel;
import dev.gavel.cli.training.TrainingVectors;
import dev.gavel.cli.training.VectorReader;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.OnnxBackbone;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.TokenBudget;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
      "Trains a reward head on the built-in encoder, and writes a model folder for score --model.",
      "",
      "Rows are those of score, and say which response is better: chosen and rejected, or scores",
      "(higher is better), or rankings (1 is best, ties allowed) beside responses.",
      "With --folds, options may list several values: every combination is compared.",
      ""
    })
final class TrainCommand implements Callable<Integer> {
  private final Streams streams;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "JSON lines with preferences.")
  private String data = "";

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

  @Option(names = "--force", description = "Replace a model folder that exists.")
  private boolean force;

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
  private int promptTokens = 64;

  @Option(
      names = "--response-tokens",
      paramLabel = "N",
      description = "Most tokens kept of a response. Default: 512")
  private int responseTokens = 512;

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
      paramLabel = "TEXT",
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
    List<Candidate> candidates = options.candidates();
    List<Layout> layouts = options.layouts();
    checkOptions(candidates);
    double fraction = holdout.orElse(0.3);
    TokenBudget budget = new TokenBudget(512, promptTokens, responseTokens);
    InputFile file = InputFile.named("--data", data);
    if (out != null) {
      ModelFolder.checkPlace(out, force);
    }
    PreferenceFile preferences =
        PreferenceFile.read(file, streams).forTraining(data, skipBadRows, streams);
    List<Row> training = part(preferences, Part.TRAINING, fraction);
    if (training.isEmpty()) {
      throw CommandFailure.usage("%s has no row in the training part".formatted(data));
    }
    int count = ModelOptions.positive("--threads", threads).orElse(processors());
    List<Pooling> poolings = candidates.stream().map(c -> c.head().pooling()).distinct().toList();
    Context.Options where =
        Context.Options.defaults().withThreads(count).withDevice(Device.parse(device));
    try (Context context = Context.open(where);
        TextBackbone text =
            TextBackbone.builtIn(
                new OnnxBackbone.Options(count, OnnxBackbone.Options.defaults().batchTokens()));
        VectorReader reader = new VectorReader(context, text, budget, poolings, options.seed())) {
      // Cross-validation and the log compare both layouts, whichever the head learns from.
      List<Layout> both = List.of(Layout.JOINT, Layout.INDEPENDENT);
      TrainingVectors vectors = vectors("training vectors", reader, both, reversed, training);
      if (folds != null) {
        compare(new CrossValidation(context, vectors, layouts, text.width(), folds), candidates);
      }
      if (out != null) {
        List<Row> evaluation = part(preferences, Part.EVALUATION, fraction);
        TrainingVectors held = vectors("evaluation vectors", reader, both, false, evaluation);
        TrainedModel model =
            new TrainedModel(
                name == null ? String.valueOf(out.getFileName()) : name,
                candidates.getFirst(),
                layouts,
                reversed,
                budget,
                options.seed(),
                fraction,
                new TrainedModel.Data(
                    Path.of(data),
                    preferences.rows().size(),
                    preferences.withoutPreference(),
                    preferences.bad().size(),
                    training.size(),
                    dataNote,
                    note));
        new ModelFolder(context, text.width(), model).train(vectors, held, out, force);
        streams.say("model folder %s is written".formatted(out));
      }
    }
    return ExitCode.DONE;
  }

  private void checkOptions(List<Candidate> candidates) {
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
    if (data.equals("-")) {
      throw CommandFailure.usage(
          "--data is -; the data must be a file, whose hash is written down");
    }
  }

  private static List<Row> part(PreferenceFile preferences, Part part, double holdout) {
    return preferences.rows().stream().filter(row -> part.has(row.promptText(), holdout)).toList();
  }

  private static int processors() {
    return Math.min(Runtime.getRuntime().availableProcessors(), Context.MOST_THREADS);
  }

  private static TrainingVectors vectors(
      String task, VectorReader reader, List<Layout> layouts, boolean reversed, List<Row> rows) {
    long groups = TrainingVectors.groups(layouts, reversed, rows.size());
    try (Progress progress = Progress.of(task, groups, "")) {
      return TrainingVectors.read(reader, layouts, reversed, rows, progress::at);
    }
  }

  private void compare(CrossValidation validation, List<Candidate> candidates) {
    PrintWriter print = new PrintWriter(streams.out(), true, StandardCharsets.UTF_8);
    boolean first = true;
    for (Candidate candidate : candidates) {
      Map<Layout, Tally> tallies = validation.run(candidate);
      if (first) {
        Tally any = tallies.values().iterator().next();
        print.printf(
            "%d folds of %d rows; accuracy with 95 %% intervals; length only %s, chance %.1f %%%n",
            folds, any.accuracy().of(), any.lengthAccuracy().percent(), 100 * any.chance());
        first = false;
      }
      StringBuilder line = new StringBuilder();
      tallies.forEach((layout, tally) ->
          line.append("%s %s  ".formatted(ModelConfig.name(layout), tally.accuracy().percent())));
      print.println(line + candidate.describe());
    }
  }
}
