package dev.gavel.cli.run;

import dev.gavel.cli.input.Position;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.OutputFailure.Kind;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An output file of a run that may be killed at any instant and go on later.
 *
 * <p>Three files: {@code OUT.partial} grows and becomes {@code OUT} when it is complete, so that
 * what stands under the output's name is always whole; {@code OUT.run} is the {@link RunJournal}.
 * What a checkpoint describes is on the disk before the checkpoint is. One thread.
 */
public final class RunOutput implements AutoCloseable {
  // A checkpoint waits for the disk. The more that takes, and the longer the run, the rarer they
  // are: a hundredth of the time at most, and no more than this much work is done again.
  private static final long COST = 100;
  private static final long PART_OF_RUN = 20;
  private static final long LONGEST_NANOS = 2_000_000_000L;

  private final OutputPlace place;
  private final boolean force;
  private final boolean resume;
  private final RunJournal journal;
  private final LongSupplier clock;
  private final long start;
  private @Nullable PartialFile partial;
  private boolean continuable;
  private boolean kept;
  private boolean complete;
  private Optional<Conversion> conversion = Optional.empty();
  private Optional<Checkpoint> allRows = Optional.empty();
  private long lastCheckpoint;
  private long checkpointCost;

  private RunOutput(
      OutputPlace place, boolean force, boolean resume, RunJournal journal, LongSupplier clock) {
    this.place = place;
    this.force = force;
    this.resume = resume;
    this.journal = journal;
    this.clock = clock;
    this.start = clock.getAsLong();
    this.lastCheckpoint = start;
  }

  /** Makes a file of another format of all rows. */
  @FunctionalInterface
  public interface Conversion {
    /**
     * Writes a file; on the disk when this returns. The same rows must give the same bytes.
     *
     * @param rows what was written to {@link #stream}
     * @param target the file to make or replace
     */
    void run(Path rows, Path target) throws IOException;
  }

  /** Has the rows converted when all of them are there; comes before {@link #begin}. */
  public void convertWith(Conversion chosen) {
    conversion = Optional.of(chosen);
  }

  /**
   * Where a run begins.
   *
   * @param checkpoint what is there already
   * @param complete whether nothing is left to do
   */
  public record Start(Checkpoint checkpoint, boolean complete) {}

  /**
   * Locks an output before any work is done for it, and checks that it may be written. Nothing that
   * was there is changed.
   *
   * @param file a regular file, or a name that is free
   * @param force whether a file that is there may be replaced, and an unfinished run forgotten
   * @param resume whether an unfinished run goes on
   * @throws OutputFailure if it may not be written, or another run has it
   */
  public static RunOutput claim(Path file, boolean force, boolean resume) throws OutputFailure {
    return claim(file, force, resume, System::nanoTime);
  }

  /** {@link #claim(Path, boolean, boolean)} with a clock, by which checkpoints are due. */
  static RunOutput claim(Path file, boolean force, boolean resume, LongSupplier clock)
      throws OutputFailure {
    try {
      OutputPlace place = OutputPlace.of(file);
      if (Files.exists(file) && !force && !resume) {
        throw place.exists();
      }
      RunJournal journal = RunJournal.open(place.journal(), file);
      RunOutput output = new RunOutput(place, force, resume, journal, clock);
      try {
        output.checkFree();
        return output;
      } catch (IOException | OutputFailure | RuntimeException e) {
        output.close();
        throw e;
      }
    } catch (IOException e) {
      throw OutputPlace.failure(file, e);
    }
  }

  private void checkFree() throws IOException, OutputFailure {
    if (resume) {
      if (Files.exists(place.file()) && !force && !isCompleteInPlace()) {
        throw place.exists();
      }
      return;
    }
    boolean unfinished =
        Files.exists(place.partial())
            ? Files.size(place.partial()) > 0 || !journal.records().isEmpty()
            : !journal.records().isEmpty() && completed().isEmpty();
    if (unfinished && !force) {
      throw new OutputFailure(
          Kind.USAGE,
          "output %s has an unfinished run (%s); go on with --resume, or start over with --force"
              .formatted(place.name(), place.partial().getFileName()));
    }
  }

  /**
   * Begins to write, or goes on.
   *
   * @param settings what decides every byte that will be written
   * @param canContinue whether the input can be read again; if not, nothing is kept where the run
   *     fails
   * @throws OutputFailure if an unfinished run had other settings
   */
  public Start begin(RunSettings settings, boolean canContinue) throws OutputFailure {
    continuable = canContinue;
    try {
      List<RunRecord> records = journal.records();
      if (resume && !records.isEmpty() && records.getFirst() instanceof RunRecord.Settings was) {
        requireSame(settings, was.settings());
        if (isCompleteInPlace()) {
          complete = true;
          // What a conversion was made of is left where a run was killed at its very end.
          Files.deleteIfExists(place.partial());
          Files.deleteIfExists(place.converted());
          return new Start(completed().orElseThrow(), true);
        }
        PartialFile file = open();
        Optional<Checkpoint> found = file.keep(checkpoints());
        if (found.isPresent()) {
          journal.resume();
          kept = true;
          if (records.contains(new RunRecord.Complete(found.get()))) {
            allRows = found;
            move(file);
            return new Start(found.get(), true);
          }
          return new Start(found.get(), false);
        }
      }
      journal.restart(new RunRecord.Settings(settings));
      open().keep(List.of());
      // Of a run that was killed while it made the other format.
      Files.deleteIfExists(place.converted());
      place.syncFolder();
      return new Start(Checkpoint.START, false);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Where rows are written; flushing it does nothing. */
  public OutputStream stream() {
    return new OutputStream() {
      @Override
      public void write(int one) throws IOException {
        opened().write(new byte[] {(byte) one});
      }

      @Override
      public void write(byte[] text) throws IOException {
        opened().write(text);
      }

      @Override
      public void write(byte[] text, int offset, int length) throws IOException {
        opened().write(java.util.Arrays.copyOfRange(text, offset, offset + length));
      }
    };
  }

  /**
   * Says that all rows of a window were written: what was written is worth keeping now and then.
   *
   * @param position the place in the input after the window
   * @param counts asked for only where a checkpoint is made
   */
  public void windowDone(Position position, Supplier<Map<String, Long>> counts)
      throws OutputFailure {
    try {
      PartialFile file = opened();
      if (!file.endPart()) {
        return;
      }
      long now = clock.getAsLong();
      long due = Math.min((now - start) / PART_OF_RUN, LONGEST_NANOS);
      if (now - lastCheckpoint < Math.max(due, checkpointCost * COST)) {
        return;
      }
      file.force();
      journal.append(
          new RunRecord.At(new Checkpoint(position, file.bytes(), file.crc(), counts.get())));
      kept = true;
      lastCheckpoint = clock.getAsLong();
      checkpointCost = lastCheckpoint - now;
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Puts the complete file in its place. */
  public void complete(Position position, Map<String, Long> counts) throws OutputFailure {
    try {
      PartialFile file = opened();
      file.finish();
      Checkpoint end = new Checkpoint(position, file.bytes(), file.crc(), counts);
      journal.append(new RunRecord.Complete(end));
      allRows = Optional.of(end);
      kept = true;
      move(file);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** What a failed write means. */
  public OutputFailure failure(IOException e) {
    return OutputPlace.failure(place.name(), e);
  }

  /** What is left of a run that did not complete, for people; empty where nothing is. */
  public Optional<String> left() {
    return partial != null && !complete && continuable && kept
        ? Optional.of(
            "what was scored is kept in %s; go on with --resume, or start over with --force"
                .formatted(place.partial()))
        : Optional.empty();
  }

  /** Closes what is open; removes what no run can go on from. */
  @Override
  public void close() {
    try {
      if (partial != null) {
        partial.close();
        if (!complete && !(continuable && kept)) {
          Files.deleteIfExists(place.partial());
          Files.deleteIfExists(place.converted());
          journal.delete();
        }
      }
      journal.deleteIfEmpty();
    } catch (IOException e) {
      System.err.printf("gavel: %s could not be removed: %s%n", place.partial(), e.getMessage());
    }
    try {
      journal.close();
    } catch (IOException e) {
      System.err.printf("gavel: the lock on %s could not be given back: %s%n", place.name(), e);
    }
  }

  private void move(PartialFile file) throws IOException {
    file.close();
    if (conversion.isPresent()) {
      convert(conversion.get());
    } else {
      place.moveIn(place.partial(), force);
    }
    complete = true;
  }

  // The rows stay until the other file is in place: whatever is killed when, it can be made again.
  private void convert(Conversion chosen) throws IOException {
    Path made = place.converted();
    try {
      chosen.run(place.partial(), made);
      Checkpoint rows = allRows.orElseThrow();
      journal.append(
          new RunRecord.Complete(
              new Checkpoint(
                  rows.position(), Files.size(made), PartialFile.checksum(made), rows.counts())));
      place.moveIn(made, force);
    } finally {
      // Moved, or of no use: it is made anew of the rows.
      Files.deleteIfExists(made);
    }
    Files.deleteIfExists(place.partial());
  }

  private void requireSame(RunSettings settings, RunSettings before) throws OutputFailure {
    List<String> differences = settings.differences(before);
    if (!differences.isEmpty()) {
      throw new OutputFailure(
          Kind.USAGE,
          "output %s cannot be continued, its run had other settings:%sUse those, or start over with --force and without --resume"
              .formatted(place.name(), RunSettings.listed(differences)));
    }
  }

  // The last record says so and nothing is left to move.
  private boolean isCompleteInPlace() throws IOException {
    Optional<Checkpoint> end = completed();
    if (end.isEmpty()
        || !Files.exists(place.file())
        || Files.size(place.file()) != end.get().bytes()) {
      return false;
    }
    return PartialFile.checksum(place.file()) == end.get().crc();
  }

  private Optional<Checkpoint> completed() {
    List<RunRecord> records = journal.records();
    return !records.isEmpty() && records.getLast() instanceof RunRecord.Complete end
        ? Optional.of(end.checkpoint())
        : Optional.empty();
  }

  private List<Checkpoint> checkpoints() {
    return journal.records().stream()
        .flatMap(record ->
            switch (record) {
              case RunRecord.At at -> Stream.of(at.checkpoint());
              case RunRecord.Complete end -> Stream.of(end.checkpoint());
              case RunRecord.Settings _ -> Stream.empty();
            })
        .toList();
  }

  private PartialFile open() throws IOException {
    partial = new PartialFile(place.partial(), Compression.of(place.name()));
    return partial;
  }

  private PartialFile opened() {
    if (partial == null) {
      throw new IllegalStateException("begin() comes first");
    }
    return partial;
  }
}
