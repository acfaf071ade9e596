package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.cli.program.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Caches of a tiny model, in several files, and runs on them. */
record SmallCaches(Path folder, Path model, Path input) {
  static final int ROWS = 300;

  /** Writes a model and rows, some of them broken. */
  static SmallCaches in(Path folder) throws IOException {
    Path model = TinyModel.write(folder.resolve("model"));
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      text.append(
          i % 29 == 13
              ? "{broken " + i + "\n"
              : "{\"id\":\"r%d\",\"prompt\":\"say %d\",\"responses\":[\"%s\",\"no\",\"[UNK] %d\"],\"subset\":\"s%d\"%s}\n"
                  .formatted(
                      i,
                      i,
                      "word ".repeat(i % 31 + 1),
                      i,
                      i % 3,
                      i % 7 == 0 ? "" : ",\"scores\":[%d,%d,0.5]".formatted(i % 2, i % 3)));
    }
    Path input = Files.writeString(folder.resolve("in.jsonl"), text);
    return new SmallCaches(folder, model, input);
  }

  /** Makes a cache of the rows. */
  Run cache(Path output, String... more) {
    return run("cache", "--input", input, "--output", output, more);
  }

  private Run run(String command, String in, Path input, String out, Path output, String... more) {
    List<String> arguments = new ArrayList<>(List.of(command, "--model", model.toString()));
    arguments.addAll(List.of(in, input.toString(), out, output.toString()));
    arguments.addAll(List.of(more));
    return Run.of(arguments.toArray(String[]::new));
  }

  /** Scores rows or a cache. */
  Run score(Path from, Path output, String... more) {
    return run("score", "--input", from, "--output", output, more);
  }

  /** A cache in several files. */
  Path smallFiles(String name, String... more) {
    Path cache = folder.resolve(name);
    List<String> options = new ArrayList<>(List.of("--window-rows", "16", "--file-rows", "64"));
    options.addAll(List.of(more));
    Run run = cache(cache, options.toArray(String[]::new));
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    return cache;
  }
}
