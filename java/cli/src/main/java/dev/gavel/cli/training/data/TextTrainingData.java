package dev.gavel.cli.training.data;

import dev.gavel.Context;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.cli.metric.Part;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.OnnxBackbone;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.TokenBudget;
import dev.gavel.text.row.RowError;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Training data of a file of rows: runs the built-in encoder over them and keeps the vectors. */
public final class TextTrainingData {
  // Cross-validation and the log compare both layouts, whichever the head learns from.
  private static final List<Layout> BOTH = List.of(Layout.JOINT, Layout.INDEPENDENT);

  private TextTrainingData() {}

  /**
   * How rows become vectors.
   *
   * @param poolings poolings wanted
   * @param reversed whether the joint layout is read in the opposite order, too
   * @param budget tokens kept
   * @param seed of the order of responses
   * @param threads of the backbone
   * @param measured whether the evaluation part is wanted
   */
  public record Options(
      List<Pooling> poolings,
      boolean reversed,
      TokenBudget budget,
      long seed,
      int threads,
      boolean measured) {
    /** Copies the list. */
    public Options {
      poolings = List.copyOf(poolings);
    }
  }

  /**
   * Reads them.
   *
   * @param checked refuses or tells rows that cannot be used
   */
  public static TrainingData read(
      String name,
      PreferenceFile read,
      double holdout,
      Context context,
      Options options,
      UnaryOperator<PreferenceFile> checked) {
    OnnxBackbone.Options backbone =
        new OnnxBackbone.Options(options.threads(), OnnxBackbone.Options.defaults().batchTokens());
    try (TextBackbone text = TextBackbone.builtIn(backbone);
        VectorReader reader =
            new VectorReader(context, text, options.budget(), options.poolings(), options.seed())) {
      PreferenceFile preferences = checked.apply(read.without(row -> refusal(reader, row)));
      List<Row> training = part(preferences, Part.TRAINING, holdout);
      if (training.isEmpty()) {
        throw CommandFailure.usage("%s has no row in the training part".formatted(name));
      }
      List<Row> evaluation =
          options.measured() ? part(preferences, Part.EVALUATION, holdout) : List.of();
      return new TrainingData(
          ModelConfig.builtIn("", Layout.JOINT, options.poolings().getFirst(), options.budget()),
          text.width(),
          vectors("training vectors", reader, options.reversed(), training),
          vectors("evaluation vectors", reader, false, evaluation),
          preferences.rows().size(),
          preferences.withoutPreference().size(),
          preferences.bad().size(),
          training.size(),
          () -> {});
    }
  }

  private static Optional<RowError> refusal(VectorReader reader, Row row) {
    return BOTH.stream().flatMap(layout -> reader.refusal(layout, row).stream()).findFirst();
  }

  private static List<Row> part(PreferenceFile preferences, Part part, double holdout) {
    return preferences.rows().stream()
        .filter(row -> part.has(PromptHash.of(row.promptText()), holdout))
        .toList();
  }

  private static TrainingVectors vectors(
      String task, VectorReader reader, boolean reversed, List<Row> rows) {
    long groups = TrainingVectors.groups(BOTH, reversed, rows.size());
    try (Progress progress = Progress.of(task, groups, "")) {
      return TrainingVectors.read(reader, BOTH, reversed, rows, progress::at);
    }
  }
}
