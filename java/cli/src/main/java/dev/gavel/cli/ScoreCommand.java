package dev.gavel.cli;

import dev.gavel.cli.cache.HiddenCache;
import dev.gavel.cli.input.InputFiles;
import dev.gavel.cli.input.Limits;
import dev.gavel.cli.input.Position;
import dev.gavel.cli.input.ReadFailure;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.input.WindowReader;
import dev.gavel.cli.options.ModelOptions;
import dev.gavel.cli.options.ShardOption;
import dev.gavel.cli.output.JsonRows;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.OutputTarget;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.output.RowWriter;
import dev.gavel.cli.output.TableRows;
import dev.gavel.cli.output.Terminal;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.cli.program.Streams;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.results.CacheScorer;
import dev.gavel.cli.results.ClaimedOutput;
import dev.gavel.cli.results.MetricsFile;
import dev.gavel.cli.results.OutputFormat;
import dev.gavel.cli.results.RowSink;
import dev.gavel.cli.results.ScorePaths;
import dev.gavel.cli.results.ScoreSettings;
import dev.gavel.cli.results.ScoreSummary;
import dev.gavel.cli.results.TextScoring;
import dev.gavel.cli.run.RunOutput;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.text.RewardModel;
import dev.gavel.text.VectorModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Scores rows of files. */
@Command(
    name = "score",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Scores the responses of every row and writes one row of output per row of input, in order.",
      "",
      "Rows are JSON objects, one per line:",
      "  {\"id\": ..., \"prompt\": \"...\", \"responses\": [\"...\", ...]}",
      "  {\"id\": ..., \"prompt\": \"...\", \"chosen\": \"...\", \"rejected\": \"...\"}",
      "A row without id gets its line's number. A bad row becomes an error row in its place.",
      ""
    })
final class ScoreCommand implements Callable<Integer> {
  private final Streams streams;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILE|FOLDER|PATTERN|CACHE|-",
      description = {
        "Rows to score: JSON lines, plain, gzip or Zstandard, or Parquet; - is standard input. Of a"
            + " folder, its files *.jsonl, *.ndjson (.gz, .zst) and *.parquet in the order of their"
            + " names; a quoted pattern such as 'data/*.jsonl.gz' names several files, too. A"
            + " folder that gavel cache made is scored without its backbone."
      })
  private String input = "";

  @Option(
      names = "--output",
      paramLabel = "FILE|-",
      description = {
        "Where rows go; - is standard output. A file appears when it is complete; its name may end"
            + " in .gz, .zst or .parquet. Default: -"
      })
  private String output = "-";

  @Option(
      names = "--force",
      description = "Replace an output file that exists, and forget an unfinished run.")
  private boolean force;

  @Option(
      names = "--resume",
      description =
          "Go on with the unfinished run of this output, or begin it where there is none. The file"
              + " will have the bytes of a run that was never interrupted.")
  private boolean resume;

  @Option(
      names = "--shard",
      paramLabel = "I/N",
      description =
          "Score the rows I, I + N, I + 2N and so on only. N runs with I from 1 to N score all.")
  private @Nullable String shard;

  @Option(
      names = "--window-rows",
      paramLabel = "N",
      description =
          "Rows read ahead and sorted by length to form batches; scores do not depend on it."
              + " Default: ${DEFAULT-VALUE}")
  private int windowRows = 2048;

  @Option(
      names = "--metrics",
      paramLabel = "FILE",
      description = "Write the run's figures to this file, as JSON.")
  private @Nullable String metrics;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description =
          "table, jsonl (JSON lines), or auto: a table on a terminal, JSON lines otherwise."
              + " Default: auto")
  private OutputFormat format = OutputFormat.auto;

  @Mixin private ModelOptions modelOptions = new ModelOptions();

  ScoreCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    ModelOptions.positive("--window-rows", windowRows);
    Shard part = shard == null ? Shard.ALL : ShardOption.parse(shard);
    Optional<HiddenCache> cache =
        HiddenCache.is(Path.of(input))
            ? Optional.of(HiddenCache.open(Path.of(input)))
            : Optional.empty();
    List<Source> sources =
        cache.isPresent()
            ? List.of(Source.file(cache.get().indexFile()))
            : InputFiles.named("--input", input);
    ScorePaths.check(sources, output, resume);
    if (ScorePaths.isParquet(output) && format == OutputFormat.table) {
      throw CommandFailure.usage("--format table does not go with a Parquet output");
    }
    if (metrics != null) {
      ScorePaths.checkMetrics(metrics, output);
    }
    ScorePaths.requireKept(output, metrics, () -> filesRead(sources, cache));
    Optional<MetricsFile> figures =
        Optional.ofNullable(metrics).map(name -> MetricsFile.named(name, force || resume));
    boolean toStream = ScorePaths.isStream(output);
    try {
      if (cache.isPresent()) {
        return scoreCache(cache.get(), toStream, part, figures);
      }
      return toStream ? scoreToStream(sources, part, figures) : scoreToFile(sources, part, figures);
    } catch (OutputFailure e) {
      return switch (e.kind()) {
        case USAGE -> throw CommandFailure.usage(String.valueOf(e.getMessage()));
        case SYSTEM -> throw CommandFailure.environment(String.valueOf(e.getMessage()));
        case READER_GONE -> ExitCode.READER_GONE;
      };
    } catch (ReadFailure e) {
      throw CommandFailure.environment(String.valueOf(e.getMessage()));
    }
  }

  private List<Path> filesRead(List<Source> sources, Optional<HiddenCache> cache) {
    List<Path> read = new ArrayList<>(modelOptions.files());
    sources.forEach(source -> source.path().ifPresent(read::add));
    cache.ifPresent(one -> read.addAll(one.files()));
    return read;
  }

  private int scoreToStream(List<Source> sources, Shard part, Optional<MetricsFile> figures)
      throws OutputFailure, IOException {
    boolean standard = output.equals("-");
    boolean watched = standard && Terminal.isOutput();
    try (OutputTarget target =
            standard ? OutputTarget.standard(streams.out()) : OutputTarget.device(Path.of(output));
        RewardModel model = modelOptions.load()) {
      // Somebody who watches is not kept waiting for a window.
      WindowReader reader =
          new WindowReader(
              sources, streams.in(), Position.START, part, Limits.ofHeap(watched ? 1 : windowRows));
      return score(
          sources, reader, model, new RowSink.ToStream(target), new ScoreSummary(), figures);
    }
  }

  private int scoreToFile(List<Source> sources, Shard part, Optional<MetricsFile> figures)
      throws OutputFailure, IOException {
    try (ClaimedOutput claimed = ClaimedOutput.claim(output, sources, part, force, resume)) {
      RunOutput file = claimed.file();
      try (RewardModel model = modelOptions.load()) {
        claimed.columnsOf(model);
        ScoreSummary summary = new ScoreSummary();
        Limits limits = Limits.ofHeap(windowRows);
        RunOutput.Start start =
            file.begin(
                ScoreSettings.of(
                    modelOptions.model(),
                    model,
                    isTable() ? "table, %d columns".formatted(Terminal.columns()) : "jsonl",
                    part,
                    limits,
                    sources),
                sources.stream().allMatch(Source::isRegularFile));
        summary.goOn(start.checkpoint().counts());
        if (start.complete()) {
          return completeAlready(summary, figures);
        }
        WindowReader reader =
            new WindowReader(sources, streams.in(), start.checkpoint().position(), part, limits);
        return score(sources, reader, model, new RowSink.ToFile(file), summary, figures);
      } catch (OutputFailure e) {
        throw new OutputFailure(e.kind(), withHint(e, file), e);
      } catch (ReadFailure e) {
        throw CommandFailure.environment(withHint(e, file));
      } catch (RuntimeException e) {
        file.left().ifPresent(streams::say);
        throw e;
      }
    }
  }

  private int scoreCache(
      HiddenCache cache, boolean toStream, Shard part, Optional<MetricsFile> figures)
      throws OutputFailure, IOException {
    if (format == OutputFormat.table) {
      throw CommandFailure.usage(
          "--format table shows texts, which a cache does not keep; leave it out");
    }
    if (toStream) {
      try (OutputTarget target =
              output.equals("-")
                  ? OutputTarget.standard(streams.out())
                  : OutputTarget.device(Path.of(output));
          VectorModel model = modelOptions.loadHead()) {
        CacheScorer scorer = new CacheScorer(cache, model, modelOptions.model());
        return scoreCache(
            scorer,
            Position.START,
            part,
            new RowSink.ToStream(target),
            new ScoreSummary(),
            figures);
      }
    }
    try (ClaimedOutput claimed = ClaimedOutput.claim(output, List.of(), part, force, resume)) {
      RunOutput file = claimed.file();
      try (VectorModel model = modelOptions.loadHead()) {
        claimed.columnsOf(model);
        CacheScorer scorer = new CacheScorer(cache, model, modelOptions.model());
        ScoreSummary summary = new ScoreSummary();
        RunOutput.Start start = file.begin(scorer.settings(modelOptions.model(), part), true);
        summary.goOn(start.checkpoint().counts());
        if (start.complete()) {
          return completeAlready(summary, figures);
        }
        return scoreCache(
            scorer,
            start.checkpoint().position(),
            part,
            new RowSink.ToFile(file),
            summary,
            figures);
      } catch (OutputFailure e) {
        throw new OutputFailure(e.kind(), withHint(e, file), e);
      } catch (RuntimeException e) {
        file.left().ifPresent(streams::say);
        throw e;
      }
    }
  }

  private int scoreCache(
      CacheScorer scorer,
      Position from,
      Shard part,
      RowSink sink,
      ScoreSummary summary,
      Optional<MetricsFile> figures)
      throws OutputFailure {
    scorer.requireGivenOrder();
    StageTimes times = new StageTimes();
    boolean done = false;
    try {
      RowWriter writer = new JsonRows(sink.stream(), scorer.model().config().name());
      Position end = scorer.write(from, part, writer, sink, summary, times);
      sink.complete(end, summary.counts());
      done = true;
    } finally {
      boolean complete = done;
      figures.ifPresent(file -> file.write(summary, times, complete));
    }
    streams.say(summary.line());
    return exitCode(summary);
  }

  // The run may have been killed between its last row and its figures.
  private int completeAlready(ScoreSummary summary, Optional<MetricsFile> figures) {
    figures.ifPresent(file -> file.write(summary, new StageTimes(), true));
    streams.say("%s is complete already: %s".formatted(output, summary.line()));
    return exitCode(summary);
  }

  private static String withHint(Exception e, RunOutput file) {
    return e.getMessage() + file.left().map(hint -> "; " + hint).orElse("");
  }

  private int score(
      List<Source> sources,
      WindowReader reader,
      RewardModel model,
      RowSink sink,
      ScoreSummary summary,
      Optional<MetricsFile> figures)
      throws OutputFailure, IOException {
    StageTimes times = new StageTimes();
    boolean done = false;
    try (Progress progress = progress(sources)) {
      RowWriter writer = writer(model, sink, summary.rowsBefore() == 0);
      new TextScoring(model, sources, reader, times).run(writer, sink, summary, progress);
      done = true;
    } finally {
      boolean complete = done;
      figures.ifPresent(file -> file.write(summary, times, complete));
    }
    reader.close();
    streams.say(summary.line());
    return exitCode(summary);
  }

  private static int exitCode(ScoreSummary summary) {
    return summary.failedRows() == 0 ? ExitCode.DONE : ExitCode.ROWS_FAILED;
  }

  private boolean isTable() {
    return switch (format) {
      case table -> true;
      case jsonl -> false;
      case auto -> output.equals("-") && Terminal.isOutput();
    };
  }

  private RowWriter writer(RewardModel model, RowSink sink, boolean first) {
    return isTable()
        ? new TableRows(sink.stream(), Terminal.columns(), first)
        : new JsonRows(sink.stream(), model.config().name());
  }

  // A bar between the blocks of a table on the same terminal would garble both.
  private Progress progress(List<Source> sources) throws IOException {
    return output.equals("-") && Terminal.isOutput()
        ? Progress.none()
        : Progress.of("gavel score", size(sources), "B");
  }

  /** Bytes of all sources. */
  static long size(List<Source> sources) throws IOException {
    long total = 0;
    for (Source source : sources) {
      total += source.size();
    }
    return total;
  }
}
