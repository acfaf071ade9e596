package dev.gavel.cli.results;

import dev.gavel.cli.input.Position;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.OutputTarget;
import dev.gavel.cli.output.RowWriter;
import dev.gavel.cli.run.RunOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;
import java.util.function.Supplier;

/** Where scored rows go: a file that survives a crash, or a stream that takes nothing back. */
public sealed interface RowSink extends AutoCloseable {
  /** What a {@link RowWriter} writes to. */
  OutputStream stream();

  /** Says that the rows of a window were written. */
  void windowDone(Position position, Supplier<Map<String, Long>> counts) throws OutputFailure;

  /** Says that all rows were written. */
  void complete(Position position, Map<String, Long> counts) throws OutputFailure;

  /** What a failed write means. */
  OutputFailure failure(IOException e);

  @Override
  void close() throws OutputFailure;

  /** A file. */
  record ToFile(RunOutput output) implements RowSink {
    @Override
    public OutputStream stream() {
      return output.stream();
    }

    @Override
    public void windowDone(Position position, Supplier<Map<String, Long>> counts)
        throws OutputFailure {
      output.windowDone(position, counts);
    }

    @Override
    public void complete(Position position, Map<String, Long> counts) throws OutputFailure {
      output.complete(position, counts);
    }

    @Override
    public OutputFailure failure(IOException e) {
      return output.failure(e);
    }

    @Override
    public void close() {
      output.close();
    }
  }

  /** A stream. */
  record ToStream(OutputTarget target) implements RowSink {
    @Override
    public OutputStream stream() {
      return target.stream();
    }

    @Override
    public void windowDone(Position position, Supplier<Map<String, Long>> counts)
        throws OutputFailure {
      target.complete();
    }

    @Override
    public void complete(Position position, Map<String, Long> counts) throws OutputFailure {
      target.complete();
    }

    @Override
    public OutputFailure failure(IOException e) {
      return target.failure(e);
    }

    @Override
    public void close() throws OutputFailure {
      target.close();
    }
  }
}
