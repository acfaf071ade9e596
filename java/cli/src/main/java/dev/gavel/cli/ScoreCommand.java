package dev.gavel.cli;

import dev.gavel.cli.output.JsonRows;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.OutputTarget;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.output.RowWriter;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.output.TableRows;
import dev.gavel.cli.output.Terminal;
import dev.gavel.cli.rows.Line;
import dev.gavel.cli.rows.LineReader;
import dev.gavel.cli.rows.RowParser;
import dev.gavel.text.RewardModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Scores rows of a file. */
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
      paramLabel = "FILE|-",
      description = "JSON lines to score; - is standard input.")
  private String input = "";

  @Option(
      names = "--output",
      paramLabel = "FILE|-",
      description =
          "Where rows go; - is standard output. A file appears when it is complete. Default: -")
  private String output = "-";

  @Option(names = "--force", description = "Replace an output file that exists.")
  private boolean force;

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
    InputFile from = InputFile.named("--input", input);
    requireDifferent(from);
    try (OutputTarget target = target()) {
      return score(from, target);
    } catch (OutputFailure e) {
      return switch (e.kind()) {
        case USAGE -> throw CommandFailure.usage(String.valueOf(e.getMessage()));
        case SYSTEM -> throw CommandFailure.environment(String.valueOf(e.getMessage()));
        case READER_GONE -> ExitCode.READER_GONE;
      };
    }
  }

  private int score(InputFile from, OutputTarget target) throws OutputFailure {
    ScoreSummary summary = new ScoreSummary();
    try (RewardModel model = modelOptions.load();
        LineReader lines = open(from);
        Progress progress = progress(from, target)) {
      RowWriter writer = writer(model, target);
      RowParser parser = RowParser.ofTexts();
      RowScorer scorer = new RowScorer(model);
      boolean oneByOne = target.isStandard() && Terminal.isOutput();
      Optional<Line> line = next(from, lines);
      while (line.isPresent()) {
        scorer.add(parser.parse(line.get()));
        // Nobody waits for a row because the next one has not come yet.
        if (oneByOne || scorer.isFull() || !isReady(from, lines)) {
          write(scorer.score(), writer, target, summary);
          progress.at(lines.bytesRead());
        }
        line = next(from, lines);
      }
      write(scorer.score(), writer, target, summary);
    } catch (IOException e) {
      throw from.failure(e);
    }
    target.complete();
    streams.say(summary.line());
    return summary.failedRows() == 0 ? ExitCode.DONE : ExitCode.ROWS_FAILED;
  }

  private LineReader open(InputFile from) {
    try {
      return new LineReader(from.open(streams.in()));
    } catch (IOException e) {
      throw from.failure(e);
    }
  }

  private static Optional<Line> next(InputFile from, LineReader lines) {
    try {
      return lines.next();
    } catch (IOException e) {
      throw from.failure(e);
    }
  }

  private static boolean isReady(InputFile from, LineReader lines) {
    try {
      return lines.isReady();
    } catch (IOException e) {
      throw from.failure(e);
    }
  }

  private static void write(
      List<ScoredRow> rows, RowWriter writer, OutputTarget target, ScoreSummary summary)
      throws OutputFailure {
    for (ScoredRow row : rows) {
      switch (row) {
        case ScoredRow.Scored scored -> summary.scored(scored.score(), scored.isFinite());
        case ScoredRow.Failed _ -> summary.failed();
      }
      try {
        writer.write(row);
      } catch (IOException e) {
        throw target.failure(e);
      }
    }
  }

  private OutputTarget target() throws OutputFailure {
    return output.equals("-")
        ? OutputTarget.standard(streams.out())
        : OutputTarget.file(Path.of(output), force);
  }

  private RowWriter writer(RewardModel model, OutputTarget target) {
    boolean table =
        switch (format) {
          case table -> true;
          case jsonl -> false;
          case auto -> target.isStandard() && Terminal.isOutput();
        };
    if (table) {
      return new TableRows(target.stream(), Terminal.columns());
    }
    return new JsonRows(target.stream(), model.config().name());
  }

  // A bar between the blocks of a table on the same terminal would garble both.
  private static Progress progress(InputFile from, OutputTarget target) throws IOException {
    return target.isStandard() && Terminal.isOutput()
        ? Progress.none()
        : Progress.of("gavel score", from.size(), "B");
  }

  private void requireDifferent(InputFile from) throws IOException {
    Path path = Path.of(output);
    if (!output.equals("-")
        && from.path().isPresent()
        && Files.exists(path)
        && Files.isRegularFile(path)
        && Files.isSameFile(path, from.path().get())) {
      throw CommandFailure.usage("--output %s is the input file; name another".formatted(output));
    }
  }
}
