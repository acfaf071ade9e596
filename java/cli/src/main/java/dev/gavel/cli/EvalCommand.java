package dev.gavel.cli;

import dev.gavel.Layout;
import dev.gavel.cli.benchmark.Benchmark;
import dev.gavel.cli.benchmark.RewardBenchmark;
import dev.gavel.cli.benchmark.RewardBenchmark2;
import dev.gavel.cli.cache.CacheScoring;
import dev.gavel.cli.cache.CacheSettings;
import dev.gavel.cli.cache.CachedRow;
import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.input.InputFile;
import dev.gavel.cli.input.Position;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.Part;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.metric.Shuffle;
import dev.gavel.cli.options.FormerInputName;
import dev.gavel.cli.options.HoldoutOptions;
import dev.gavel.cli.options.ModelOptions;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.results.CacheScorer;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.cli.scoring.PreparedRow;
import dev.gavel.cli.scoring.RowPreparer;
import dev.gavel.cli.scoring.RowScorer;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.cli.training.data.CachedGroups;
import dev.gavel.cli.training.data.CachedTrainingData;
import dev.gavel.cli.training.data.PreferenceFile;
import dev.gavel.text.GroupScore;
import dev.gavel.text.RewardModel;
import dev.gavel.text.VectorModel;
import dev.gavel.text.row.NonFinite;
import dev.gavel.text.row.RowError;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Compares scores with what people prefer. */
@Command(
    name = "eval",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Measures how often the model agrees with people.",
      "By subset, with Wilson 95 %% intervals, beside chance and a scorer that only counts"
          + " characters.",
      "",
      "Rows are those of train. A row is right where a preferred response scores strictly higher",
      "than all others; a tie is wrong. Pairs count every two responses people like differently.",
      "Responses are packed in an order drawn from the seed and the texts, so that a file that",
      "always names the better one first measures the model and not its liking for first places.",
      ""
    })
final class EvalCommand implements Callable<Integer> {
  // Of a cache, whose vectors are those of whole responses.
  private static final String NO_NUMBER = "a hidden state or a weight is no finite number";

  private final Streams streams;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILE|CACHE|-",
      description =
          "Rows with preferences: JSON lines, plain, gzip or Zstandard, or Parquet; - is standard"
              + " input. Or a folder that gavel cache made.")
  private String input = "";

  @Mixin FormerInputName formerInputName = new FormerInputName();

  @Option(
      names = "--part",
      paramLabel = "PART",
      description =
          "all, training or evaluation: the part of the prompts that --holdout makes. Default: all")
  private String part = "all";

  @Option(names = "--seed", paramLabel = "N", description = "Of the order of responses. Default: 0")
  private long seed;

  @Option(
      names = "--benchmark",
      paramLabel = "NAME",
      description =
          "rewardbench or rewardbench2: also report the sections and the score of this benchmark;"
              + " every row must then name one of its subsets.")
  private @Nullable String benchmark;

  @Option(names = "--json", description = "Print one JSON object instead of a table.")
  private boolean json;

  @Mixin private HoldoutOptions holdout = new HoldoutOptions();
  @Mixin private ModelOptions modelOptions = new ModelOptions();

  EvalCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() {
    Part wanted = wantedPart();
    double fraction = holdout.orElse(0);
    Optional<Benchmark> sections = benchmark();
    EvalResult result = new EvalResult(sections);
    if (HiddenCache.is(Path.of(input))) {
      if (sections.isPresent()) {
        throw CommandFailure.usage(
            "--benchmark with the cache %s, which does not keep what a benchmark's rows say; give the file the cache was made of"
                .formatted(input));
      }
      ofCache(HiddenCache.open(Path.of(input)), wanted, fraction, result);
    } else {
      ofTexts(sections, wanted, fraction, result);
    }
    return result.failedRows() == 0 ? ExitCode.DONE : ExitCode.ROWS_FAILED;
  }

  private void ofTexts(
      Optional<Benchmark> sections, Part wanted, double fraction, EvalResult result) {
    InputFile file = InputFile.named("--input", input);
    PreferenceFile preferences = PreferenceFile.read(file, streams);
    if (sections.isPresent()) {
      preferences = preferences.of(sections.get());
    }
    preferences.tellBad(input, streams);
    if (sections.isPresent()
        && preferences.bad().stream().anyMatch(row -> row.error().field().equals("subset"))) {
      // Once, and not with every row: RewardBench has 23.
      streams.say(
          "%s: the subsets of %s are %s"
              .formatted(
                  input, sections.get().name(), String.join(", ", sections.get().subsets())));
    }
    List<Row> rows =
        preferences.rows().stream()
            .filter(row -> wanted.has(PromptHash.of(row.promptText()), fraction))
            .toList();
    preferences.bad().forEach(_ -> result.failed());
    try (RewardModel model = modelOptions.load();
        Progress progress = Progress.of("gavel eval", rows.size(), "")) {
      RowPreparer preparer = new RowPreparer(model);
      for (Row row : preferences.withoutPreference()) {
        if (!wanted.has(PromptHash.of(row.promptText()), fraction)) {
          continue;
        }
        // A row that has no scores has failed, as in a cache, whatever people think of it.
        switch (preparer.prepare(row, order(row))) {
          case PreparedRow.Ready _ -> result.oneWithoutPreference();
          case PreparedRow.Hopeless(ScoredRow.Failed failed, _) -> add(result, failed);
        }
      }
      RowScorer scorer = new RowScorer(model);
      long done = 0;
      for (Row row : rows) {
        scorer.add(row, order(row));
        done++;
        if (scorer.isFull() || done == rows.size()) {
          scorer.score().forEach(scored -> add(result, scored));
          progress.at(done);
        }
      }
      print(
          EvalReport.of(
              model.config().name(), model.layout(), input, part, fraction, seed, result));
    }
  }

  private void ofCache(HiddenCache cache, Part wanted, double fraction, EvalResult result) {
    CachedTrainingData.requireDrawn(cache, "eval");
    try (VectorModel model = modelOptions.loadHead()) {
      CacheScorer scorer = new CacheScorer(cache, model, modelOptions.model());
      if (model.layout() == Layout.JOINT && !scorer.order().equals(CacheSettings.drawn(seed))) {
        throw CommandFailure.usage(
            "cache %s has responses in an order %s; --seed is %d"
                .formatted(input, scorer.order(), seed));
      }
      new CacheScoring(cache, model, new StageTimes())
          .run(
              Position.START,
              piece ->
                  piece
                      .entries()
                      .forEach(entry ->
                          add(
                              result,
                              wanted,
                              fraction,
                              entry.row(),
                              model.outputs().scores(entry.values()))));
      print(
          EvalReport.of(
              model.config().name(), model.layout(), input, part, fraction, seed, result));
    } catch (OutputFailure e) {
      throw new IllegalStateException("nothing is written here", e);
    }
  }

  private void add(
      EvalResult result, Part wanted, double fraction, CachedRow row, List<Float> scores) {
    Optional<RowError> why = CachedGroups.withoutLabels(row);
    if (row instanceof CachedRow.Whole whole && why.isEmpty()) {
      GroupFacts facts = CachedGroups.facts(whole);
      if (!wanted.has(facts.prompt(), fraction)) {
        return;
      }
      if (!facts.hasPreference()) {
        result.oneWithoutPreference();
      } else if (isFinite(row.line(), scores, NO_NUMBER)) {
        result.add(facts, scores);
      } else {
        result.failed();
      }
      return;
    }
    if (row instanceof CachedRow.Failed(_, _, _, Optional<PromptHash> prompt, _)
        && prompt.isPresent()
        && !wanted.has(prompt.get(), fraction)) {
      return;
    }
    streams.say(
        "%s: left out line %d: %s"
            .formatted(input, row.line(), why.map(RowError::sentence).orElse("")));
    result.failed();
  }

  private List<Integer> order(Row row) {
    return Shuffle.responses(seed, row.promptText(), row.responses());
  }

  private void add(EvalResult result, ScoredRow scored) {
    switch (scored) {
      case ScoredRow.Failed(ParsedRow.Bad bad) -> {
        streams.say(
            "%s: left out line %d: %s".formatted(input, bad.line(), bad.error().sentence()));
        result.failed();
      }
      case ScoredRow.Scored(Row row, GroupScore score) -> {
        List<Integer> order = order(row);
        List<Float> scores = new ArrayList<>(score.scores());
        for (int i = 0; i < order.size(); i++) {
          scores.set(order.get(i), score.scores().get(i));
        }
        if (isFinite(row.line(), scores, NonFinite.reason(score))) {
          result.add(GroupFacts.of(row), scores);
          result.benchmark().ifPresent(sections -> sections.add(row, scores));
        } else {
          result.failed();
        }
      }
    }
  }

  private boolean isFinite(long line, List<Float> scores, String reason) {
    boolean finite = scores.stream().allMatch(Float::isFinite);
    if (!finite) {
      streams.say(
          "%s: left out line %d: its scores are %s; %s".formatted(input, line, scores, reason));
    }
    return finite;
  }

  private void print(EvalReport report) {
    PrintWriter out = new PrintWriter(streams.out(), true, StandardCharsets.UTF_8);
    out.print(json ? report.json() : report.table());
    out.flush();
  }

  private Optional<Benchmark> benchmark() {
    return switch (benchmark) {
      case null -> Optional.empty();
      case "rewardbench" -> Optional.of(new RewardBenchmark());
      case "rewardbench2" -> Optional.of(new RewardBenchmark2());
      default ->
          throw CommandFailure.usage(
              "--benchmark is '%s'; it must be rewardbench or rewardbench2".formatted(benchmark));
    };
  }

  private Part wantedPart() {
    Part wanted =
        switch (part) {
          case "all" -> Part.ALL;
          case "training" -> Part.TRAINING;
          case "evaluation" -> Part.EVALUATION;
          default ->
              throw CommandFailure.usage(
                  "--part is '%s'; it must be all, training or evaluation".formatted(part));
        };
    if (wanted != Part.ALL && !holdout.isGiven()) {
      throw CommandFailure.usage("--part %s needs --holdout FRACTION".formatted(part));
    }
    if (wanted == Part.ALL && holdout.isGiven()) {
      throw CommandFailure.usage("--holdout needs --part training or --part evaluation");
    }
    return wanted;
  }
}
