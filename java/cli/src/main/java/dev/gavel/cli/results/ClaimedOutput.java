package dev.gavel.cli.results;

import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.ParquetOutput;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.run.RunOutput;
import dev.gavel.text.HeadOutputs;
import dev.gavel.text.RewardModel;
import dev.gavel.text.VectorModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The file that a run of {@code gavel score} writes, claimed before any work is done for it. */
public final class ClaimedOutput implements AutoCloseable {
  private final RunOutput file;
  private final Optional<ParquetOutput> columns;

  private ClaimedOutput(RunOutput file, Optional<ParquetOutput> columns) {
    this.file = file;
    this.columns = columns;
  }

  /**
   * Claims it.
   *
   * @throws OutputFailure if it may not be written
   * @throws CommandFailure if the inputs' columns cannot stand in one Parquet file
   */
  public static ClaimedOutput claim(
      String output, List<Source> sources, Shard part, boolean force, boolean resume)
      throws OutputFailure, IOException {
    RunOutput file = RunOutput.claim(Path.of(output), force, resume);
    if (!ScorePaths.isParquet(output)) {
      return new ClaimedOutput(file, Optional.empty());
    }
    try {
      return new ClaimedOutput(file, Optional.of(ParquetOutput.of(sources, part)));
    } catch (ParquetOutput.ColumnsException e) {
      file.close();
      throw CommandFailure.usage("--output %s: %s".formatted(output, e.getMessage()));
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** The file. */
  public RunOutput file() {
    return file;
  }

  /** Says which columns rows will have; comes before the file's run begins. */
  public void columnsOf(RewardModel model) {
    columnsOf(model.outputs(), model.scoresSteps());
  }

  /** The same of a model without its backbone. */
  public void columnsOf(VectorModel model) {
    columnsOf(model.outputs(), false);
  }

  private void columnsOf(HeadOutputs outputs, boolean steps) {
    columns.ifPresent(
        parquet -> file.convertWith((rows, made) -> parquet.write(rows, made, outputs, steps)));
  }

  @Override
  public void close() {
    file.close();
  }
}
