package dev.gavel.cli.results;

import dev.gavel.cli.input.Position;
import dev.gavel.cli.input.ReadFailure;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.input.WindowReader;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.Progress;
import dev.gavel.cli.output.RowWriter;
import dev.gavel.cli.output.ScoredRow;
import dev.gavel.cli.rows.RowParser;
import dev.gavel.cli.scoring.HeadStage;
import dev.gavel.cli.scoring.PreparedRow;
import dev.gavel.cli.scoring.RowPreparer;
import dev.gavel.cli.scoring.ScoredWindow;
import dev.gavel.cli.scoring.ScoringPipeline;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.text.RewardModel;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/** Scores the rows that a reader gives and writes what became of them, window by window. */
public final class TextScoring {
  private final RewardModel model;
  private final List<Source> sources;
  private final WindowReader reader;
  private final StageTimes times;

  /** Neither the model nor the reader is closed. */
  public TextScoring(
      RewardModel model, List<Source> sources, WindowReader reader, StageTimes times) {
    this.model = model;
    this.sources = sources;
    this.reader = reader;
    this.times = times;
  }

  /**
   * Runs until the input ends.
   *
   * @throws ReadFailure if a source cannot be read
   * @throws OutputFailure if rows cannot be written
   */
  public void run(RowWriter writer, RowSink sink, ScoreSummary summary, Progress progress)
      throws ReadFailure, OutputFailure {
    Position[] last = {Position.START};
    RowParser parser = RowParser.ofTexts();
    RowPreparer preparer = new RowPreparer(model);
    new ScoringPipeline(
            model,
            line -> preparer.prepare(parser.parse(line)),
            HeadStage.scores(model),
            reader,
            times)
        .run(window -> {
          write(window, writer, sink, summary);
          sink.windowDone(window.end(), summary::counts);
          last[0] = window.end();
          progress.at(reader.bytesRead(), summary.shortLine());
        });
    sink.complete(last[0], summary.counts());
  }

  private void write(ScoredWindow window, RowWriter writer, RowSink sink, ScoreSummary summary)
      throws OutputFailure {
    for (ScoredWindow.Entry entry : window.entries()) {
      ScoredRow row =
          switch (entry.row()) {
            case PreparedRow.Ready ready ->
                new ScoredRow.Scored(
                    ready.row(), model.groupScore(ready.group(), list(entry.values())));
            case PreparedRow.Hopeless(ScoredRow.Failed failed, _) -> failed;
          };
      summary.add(row);
      String file = sources.size() == 1 ? "" : sources.get(entry.source()).name();
      try {
        writer.write(file, row);
      } catch (IOException e) {
        throw sink.failure(e);
      }
    }
  }

  private static List<Float> list(float[] values) {
    Float[] boxed = new Float[values.length];
    Arrays.setAll(boxed, i -> values[i]);
    return List.of(boxed);
  }
}
