package dev.gavel.cli.results;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.cli.program.FileNames;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.scoring.StageTimes;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/** The figures of a run, as one JSON object. docs/command-line.md lists the keys. */
public final class MetricsFile {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path path;
  private final boolean replaces;

  private MetricsFile(Path path, boolean replaces) {
    this.path = path;
    this.replaces = replaces;
  }

  /** Checks that it may be written. What a link points to is written, not the link. */
  public static MetricsFile named(String name, boolean mayReplace) {
    Path path = Path.of(name);
    FileNames.requireEnd("--metrics", path);
    // A file moved to the name of a pipe or a device would stand in its place, for all programs.
    if (Files.exists(path) && !Files.isRegularFile(path) && !Files.isDirectory(path)) {
      return new MetricsFile(path, false);
    }
    Path folder = path.toAbsolutePath().getParent();
    if (Files.exists(path) && !mayReplace) {
      throw CommandFailure.usage(
          "--metrics %s exists; give another name, or --force to replace it".formatted(name));
    }
    if (Files.isDirectory(path) || folder == null || !Files.isDirectory(folder)) {
      throw CommandFailure.usage(
          "--metrics %s cannot be written: name a file in a folder that exists".formatted(name));
    }
    // Tried: what a folder says of its permissions is not what the system does.
    try {
      Path place = Files.exists(path) ? path.toRealPath() : path.toAbsolutePath();
      Files.write(partial(place), new byte[0]);
      Files.delete(partial(place));
      return new MetricsFile(place, true);
    } catch (IOException e) {
      throw CommandFailure.environment(
          "--metrics %s cannot be written: %s".formatted(name, SystemReason.writing(e)));
    }
  }

  private static Path partial(Path path) {
    return path.resolveSibling(path.getFileName() + ".partial");
  }

  /**
   * Writes it.
   *
   * @param complete whether the run came to its end
   */
  public void write(ScoreSummary summary, StageTimes times, boolean complete) {
    ObjectNode metrics = JSON.createObjectNode();
    metrics.put("gavel", Version.NUMBER).put("complete", complete);
    summary.counts().forEach(metrics::put);
    metrics.put("rows_before", summary.rowsBefore());
    metrics.put("seconds", summary.seconds()).put("rows_per_second", summary.rowsPerSecond());
    ObjectNode stages = metrics.putObject("stage_seconds");
    stages.put("reading", times.readingSeconds());
    stages.put("tokenizing", times.tokenizingSeconds());
    stages.put("backbone", times.backboneSeconds());
    stages.put("head", times.headSeconds());
    stages.put("writing", times.writingSeconds());
    metrics.put("heap_limit_bytes", Runtime.getRuntime().maxMemory());
    peakMemory().ifPresent(bytes -> metrics.put("peak_memory_bytes", bytes));
    try {
      write(JSON.writeValueAsBytes(metrics));
    } catch (IOException e) {
      throw CommandFailure.environment(
          "--metrics %s cannot be written: %s".formatted(path, SystemReason.writing(e)));
    }
  }

  private void write(byte[] json) throws IOException {
    if (!replaces) {
      Files.write(path, json);
      return;
    }
    try {
      Files.write(partial(path), json);
      Files.move(partial(path), path, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      // On a full disk, where nobody would look for it.
      Files.deleteIfExists(partial(path));
    }
  }

  // Linux tells the most memory a process had resident; other systems have no such file.
  private static Optional<Long> peakMemory() {
    Path status = Path.of("/proc/self/status");
    if (!Files.isReadable(status)) {
      return Optional.empty();
    }
    try {
      return Files.readAllLines(status, StandardCharsets.ISO_8859_1).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .map(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
