package dev.gavel.cli.input;

import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.FileNames;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/**
 * What {@code --input} names: standard input, a file, the files of a folder, or those a pattern
 * matches; in the order of their names, so that a list of files is always the same list.
 */
public final class InputFiles {
  private static final Pattern ROWS =
      Pattern.compile(".*\\.((jsonl|ndjson)(\\.gz|\\.zst)?|parquet)");
  private static final Pattern WILD = Pattern.compile(".*[*?\\[{].*");

  private InputFiles() {}

  /** Finds them and checks that they can be read. */
  public static List<Source> named(String option, String name) {
    if (name.equals("-")) {
      return List.of(Source.standard());
    }
    List<Path> files;
    try {
      Path path = Path.of(name);
      if (Files.isDirectory(path)) {
        files = ofFolder(option, path);
      } else if (!Files.exists(path) && WILD.matcher(name).matches()) {
        files = matching(option, name);
      } else {
        files = List.of(path);
      }
    } catch (InvalidPathException e) {
      throw CommandFailure.usage("%s %s".formatted(option, FileNames.refusal(e)));
    } catch (IOException e) {
      throw CommandFailure.environment(
          "%s %s cannot be listed: %s".formatted(option, name, SystemReason.reading(e)));
    }
    for (Path file : files) {
      InputFile.named(option, file.toString());
    }
    return files.stream().map(Source::file).toList();
  }

  private static List<Path> ofFolder(String option, Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> inside = Files.list(folder)) {
      files =
          inside
              .filter(file -> ROWS.matcher(file.getFileName().toString()).matches())
              .filter(Files::isRegularFile)
              .sorted()
              .toList();
    }
    if (files.isEmpty()) {
      throw CommandFailure.usage(
          "%s %s is a folder without a file *.jsonl or *.ndjson, plain, .gz or .zst, or *.parquet"
              .formatted(option, folder));
    }
    return files;
  }

  private static List<Path> matching(String option, String pattern) throws IOException {
    PathMatcher matcher;
    try {
      matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    } catch (PatternSyntaxException e) {
      throw CommandFailure.usage(
          "%s %s is no pattern: %s".formatted(option, pattern, e.getDescription()));
    }
    // From the last folder without a wildcard on.
    Path base = Path.of(pattern);
    while (base != null && WILD.matcher(base.toString()).matches()) {
      base = base.getParent();
    }
    Path root = base == null ? Path.of("") : base;
    if (!Files.isDirectory(root)) {
      throw CommandFailure.usage("%s %s: no file matches".formatted(option, pattern));
    }
    int depth = pattern.contains("**") ? Integer.MAX_VALUE : Path.of(pattern).getNameCount();
    List<Path> files;
    try (Stream<Path> inside = Files.walk(root, depth)) {
      files = inside.filter(matcher::matches).filter(Files::isRegularFile).sorted().toList();
    }
    if (files.isEmpty()) {
      throw CommandFailure.usage("%s %s: no file matches".formatted(option, pattern));
    }
    return files;
  }
}
