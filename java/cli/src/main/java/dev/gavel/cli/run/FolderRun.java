package dev.gavel.cli.run;

import dev.gavel.cli.input.Position;
import dev.gavel.cli.output.OutputFailure;
import dev.gavel.cli.output.OutputFailure.Kind;
import dev.gavel.cli.program.FileNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A folder that a run fills file by file, and that may be killed at any instant and go on later.
 *
 * <p>Files are written whole or not at all, by others; each is on the disk before the {@link
 * RunJournal} in the folder says so. The index, which makes the folder complete, is written last.
 * One thread.
 */
public final class FolderRun implements AutoCloseable {
  // The names that files have until they are whole (Safetensors).
  private static final Pattern BEGUN = Pattern.compile("\\.(.+)\\.[0-9a-f]{8}-[0-9a-f-]{27}\\.tmp");
  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}");

  private final Path folder;
  private final Path index;
  private final IntFunction<String> names;
  private final boolean force;
  private final boolean resume;
  private final boolean made;
  private final RunJournal journal;
  private final List<Checkpoint> parts = new ArrayList<>();
  private boolean continuable;
  private boolean began;
  private boolean complete;

  private FolderRun(
      Path folder,
      Path index,
      IntFunction<String> names,
      boolean force,
      boolean resume,
      boolean made,
      RunJournal journal) {
    this.folder = folder;
    this.index = index;
    this.names = names;
    this.force = force;
    this.resume = resume;
    this.made = made;
    this.journal = journal;
  }

  /**
   * Names in the folder.
   *
   * @param index the file that is written last
   * @param journal the record of the run
   * @param parts name of the file with this number, from 0
   */
  public record Names(String index, String journal, IntFunction<String> parts) {}

  /**
   * Locks a folder before any work is done for it; makes it where there is none. What was there is
   * not changed.
   *
   * @throws OutputFailure if it may not be written, or another run has it
   */
  public static FolderRun claim(Path folder, Names names, boolean force, boolean resume)
      throws OutputFailure {
    FileNames.requireEnd("output", folder);
    Path place = folder.toAbsolutePath();
    try {
      if (Files.exists(place) && !Files.isDirectory(place)) {
        throw new OutputFailure(
            Kind.USAGE, "output %s is a file; name a folder to make".formatted(folder));
      }
      boolean made = !Files.exists(place);
      Path journalPath = place.resolve(names.journal());
      Path index = place.resolve(names.index());
      boolean ours = Files.exists(journalPath) || Files.exists(index);
      if (!made && !ours && !isEmpty(place)) {
        throw new OutputFailure(
            Kind.USAGE,
            "output %s is a folder with other files; name one that is empty, or a new one"
                .formatted(folder));
      }
      if (ours && !force && !resume) {
        throw new OutputFailure(
            Kind.USAGE,
            Files.exists(index)
                ? "output %s exists; give another name, or --force to replace it".formatted(folder)
                : "output %s has an unfinished run; go on with --resume, or start over with --force"
                    .formatted(folder));
      }
      Files.createDirectories(place);
      RunJournal journal = RunJournal.open(journalPath, folder);
      return new FolderRun(place, index, names.parts(), force, resume, made, journal);
    } catch (IOException e) {
      throw OutputPlace.failure(folder, e);
    }
  }

  /**
   * Begins to write, or goes on.
   *
   * @param settings what decides every byte that will be written
   * @param canContinue whether the input can be read again; if not, nothing is kept where the run
   *     fails
   * @return whether nothing is left to do
   * @throws OutputFailure if an unfinished run had other settings
   */
  public boolean begin(RunSettings settings, boolean canContinue) throws OutputFailure {
    continuable = canContinue;
    try {
      List<RunRecord> records = journal.records();
      if (resume && !records.isEmpty() && records.getFirst() instanceof RunRecord.Settings was) {
        List<String> differences = settings.differences(was.settings());
        if (!differences.isEmpty()) {
          throw new OutputFailure(
              Kind.USAGE,
              "output %s cannot be continued, its run had other settings:%sUse those, or start over with --force and without --resume"
                  .formatted(folder, RunSettings.listed(differences)));
        }
        return goOn(records);
      }
      if (resume && Files.exists(index) && !force) {
        throw new OutputFailure(
            Kind.USAGE,
            "output %s exists, and no record tells which run it is of; give another name, or --force to replace it"
                .formatted(folder));
      }
      began = true;
      Files.deleteIfExists(index);
      deleteFrom(0);
      journal.restart(new RunRecord.Settings(settings));
      WholeFile.syncFolder(folder);
      return false;
    } catch (IOException e) {
      throw OutputPlace.failure(folder, e);
    }
  }

  private boolean goOn(List<RunRecord> records) throws IOException {
    boolean all = true;
    for (RunRecord record : records) {
      switch (record) {
        case RunRecord.Settings _ -> {}
        case RunRecord.At(Checkpoint part) -> {
          all = all && isWhole(part(parts.size()), part);
          if (all) {
            parts.add(part);
          }
        }
        case RunRecord.Complete(Checkpoint end) -> {
          if (all && isWhole(index, end)) {
            complete = true;
            return true;
          }
        }
      }
    }
    // Not before: what is refused, or cannot be read, stays as it was.
    began = true;
    Files.deleteIfExists(index);
    deleteFrom(parts.size());
    if (all) {
      journal.resume();
    } else {
      // A file that was written is not there any more: its line must not be believed again.
      journal.restart(records.getFirst());
      for (Checkpoint part : parts) {
        journal.append(new RunRecord.At(part));
      }
    }
    return false;
  }

  /** Files that are there, in order. */
  public List<Checkpoint> parts() {
    return List.copyOf(parts);
  }

  /** Where the input goes on. */
  public Position position() {
    return parts.isEmpty() ? Position.START : parts.getLast().position();
  }

  /** Place of the next file. */
  public Path nextPart() {
    return part(parts.size());
  }

  /**
   * Says that the {@link #nextPart next} file is on the disk.
   *
   * @param position the place in the input after its last row
   * @param counts of all rows so far, by name
   */
  public void partDone(Position position, Map<String, Long> counts) throws OutputFailure {
    try {
      Path file = nextPart();
      Checkpoint done =
          new Checkpoint(position, Files.size(file), PartialFile.checksum(file), counts);
      journal.append(new RunRecord.At(done));
      parts.add(done);
    } catch (IOException e) {
      throw OutputPlace.failure(folder, e);
    }
  }

  /** Writes the index: the folder is complete. */
  public void complete(byte[] content, Map<String, Long> counts) throws OutputFailure {
    try {
      Path partial = WholeFile.partial(index, content);
      CRC32C crc = new CRC32C();
      crc.update(content);
      journal.append(
          new RunRecord.Complete(
              new Checkpoint(position(), content.length, crc.getValue(), counts)));
      Files.move(partial, index, StandardCopyOption.ATOMIC_MOVE);
      WholeFile.syncFolder(folder);
      complete = true;
    } catch (IOException e) {
      throw OutputPlace.failure(folder, e);
    }
  }

  /** What is left of a run that did not complete, for people; empty where nothing is. */
  public String left() {
    return !complete && continuable && !parts.isEmpty()
        ? "; what was done is kept in %s: go on with --resume, or start over with --force"
            .formatted(folder)
        : "";
  }

  /** Closes what is open; removes what no run can go on from. */
  @Override
  public void close() {
    try {
      if (began && !complete && !(continuable && !parts.isEmpty())) {
        deleteFrom(0);
        journal.delete();
      }
      journal.deleteIfEmpty();
      if (made && !complete && isEmpty(folder)) {
        Files.delete(folder);
      }
    } catch (IOException e) {
      System.err.printf("gavel: %s could not be tidied: %s%n", folder, e.getMessage());
    }
    try {
      journal.close();
    } catch (IOException e) {
      System.err.printf("gavel: the lock on %s could not be given back: %s%n", folder, e);
    }
  }

  private Path part(int number) {
    return folder.resolve(names.apply(number));
  }

  // Of a run that was killed, at most the file after the last recorded one; with --force, or where
  // one of them is gone, all, wherever there is a gap. And what it had written so far of any.
  private void deleteFrom(int first) throws IOException {
    List<Path> old;
    try (Stream<Path> files = Files.list(folder)) {
      old = files.filter(file -> isOld(file.getFileName().toString(), first)).toList();
    }
    for (Path file : old) {
      Files.delete(file);
    }
  }

  private boolean isOld(String file, int first) {
    Matcher begun = BEGUN.matcher(file);
    return begun.matches() ? number(begun.group(1)).isPresent() : number(file).orElse(-1) >= first;
  }

  // Of a file with this name; empty where no file of a run is called so.
  private OptionalInt number(String file) {
    return NUMBER
        .matcher(file)
        .results()
        .mapToInt(digits -> Integer.parseInt(digits.group()))
        .filter(number -> names.apply(number).equals(file))
        .findFirst();
  }

  private static boolean isWhole(Path file, Checkpoint expected) throws IOException {
    return Files.exists(file)
        && Files.size(file) == expected.bytes()
        && PartialFile.checksum(file) == expected.crc();
  }

  private static boolean isEmpty(Path folder) throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.findAny().isEmpty();
    }
  }
}
