package dev.gavel.cli.results;

import dev.gavel.cli.input.Source;
import dev.gavel.cli.program.CommandFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Whether the inputs and the output of {@code gavel score} go together. */
public final class ScorePaths {
  // What a run writes on the way to its output.
  private static final List<String> BESIDE_OUTPUT = List.of("", ".partial", ".run", ".converted");

  private ScorePaths() {}

  /** Whether what is written is gone: standard output, a pipe or a device. */
  public static boolean isStream(String output) {
    Path path = Path.of(output);
    return output.equals("-")
        || (Files.exists(path) && !Files.isRegularFile(path) && !Files.isDirectory(path));
  }

  /** Whether rows are to be columns. */
  public static boolean isParquet(String output) {
    return output.endsWith(".parquet");
  }

  /** Checks before any work. */
  public static void check(List<Source> sources, String output, boolean resume) throws IOException {
    requireDifferent(sources, output);
    if (resume) {
      requireReadableAgain(sources, output);
    }
  }

  private static void requireReadableAgain(List<Source> sources, String output) {
    if (isStream(output)) {
      throw CommandFailure.usage(
          "--resume needs an --output that is a file; %s cannot be continued".formatted(output));
    }
    for (Source source : sources) {
      if (!source.isRegularFile()) {
        throw CommandFailure.usage(
            "--resume needs an --input that can be read again; %s cannot".formatted(source.name()));
      }
    }
  }

  /**
   * Checks that the figures, with what is written beside them on the way, go to none of the files
   * that the rows go to.
   */
  public static void checkMetrics(String metrics, String output) throws IOException {
    for (Path written : List.of(beside(metrics, ""), beside(metrics, ".partial"))) {
      for (String suffix : BESIDE_OUTPUT) {
        if (!isStream(output) && beside(output, suffix).equals(written)) {
          throw CommandFailure.usage(
              "--metrics %s is the output, or a file beside it; name another".formatted(metrics));
        }
      }
    }
  }

  /**
   * Checks that what a run writes replaces nothing it reads.
   *
   * @param metrics the file of the figures, or null
   * @param read files of the model, of the input and of the cache
   */
  public static void requireKept(String output, @Nullable String metrics, Supplier<List<Path>> read)
      throws IOException {
    if (!isStream(output)) {
      requireKept("--output", output, BESIDE_OUTPUT, read);
    }
    if (metrics != null) {
      requireKept("--metrics", metrics, List.of("", ".partial"), read);
    }
  }

  private static void requireKept(
      String option, String name, List<String> suffixes, Supplier<List<Path>> read)
      throws IOException {
    for (String suffix : suffixes) {
      Path written = beside(name, suffix);
      if (!Files.isRegularFile(written)) {
        continue;
      }
      for (Path file : read.get()) {
        if (Files.exists(file) && Files.isSameFile(written, file)) {
          throw CommandFailure.usage(
              "%s %s would replace %s, which the run reads; name another"
                  .formatted(option, name, file));
        }
      }
    }
  }

  // A link is followed first: what is written on the way stands beside its end.
  private static Path beside(String name, String suffix) throws IOException {
    Path place = place(name);
    return place.resolveSibling(place.getFileName() + suffix);
  }

  // Where a file is, or will be.
  private static Path place(String name) throws IOException {
    Path path = Path.of(name).toAbsolutePath();
    if (Files.exists(path)) {
      return path.toRealPath();
    }
    Path folder = path.getParent();
    return folder != null && Files.isDirectory(folder)
        ? folder.toRealPath().resolve(path.getFileName())
        : path;
  }

  private static void requireDifferent(List<Source> sources, String output) throws IOException {
    Path path = Path.of(output);
    if (output.equals("-") || !Files.isRegularFile(path)) {
      return;
    }
    for (Source source : sources) {
      if (source.path().isPresent() && Files.isSameFile(path, source.path().get())) {
        throw CommandFailure.usage("--output %s is an input file; name another".formatted(output));
      }
    }
  }
}
