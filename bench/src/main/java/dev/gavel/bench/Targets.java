package dev.gavel.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Compares what was measured with the speed that was set as the target, and writes targets.md. */
public final class Targets {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path folder;
  private final StringBuilder table =
      new StringBuilder(
          """
          # Targets

          Written by `bench/run.sh targets`. A ratio is peer / ours; the worst case of each line counts.

          | target | at least | worst | case | |
          |---|---|---|---|---|
          """);

  private Targets(Path folder) {
    this.folder = folder;
  }

  /**
   * Runs it.
   *
   * @param arguments the folder of results
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      throw new IllegalArgumentException("name the folder of results");
    }
    Targets targets = new Targets(Path.of(arguments[0]));
    targets.heads();
    targets.rest();
    targets.tails();
    Files.writeString(targets.folder.resolve("targets.md"), targets.table);
    System.out.print(targets.table);
  }

  private void heads() throws IOException {
    List<JsonNode> mlp = rows("mlp");
    Predicate<JsonNode> narrow =
        row -> is(row, "storage", "bf16") && number(row, "H") >= 1024 && same(row, "H", "I");
    Predicate<JsonNode> few = narrow.and(row -> number(row, "R") <= 16);
    Predicate<JsonNode> many = narrow.and(row -> number(row, "R") >= 64);
    ratio("MLP bf16, R <= 16, oneDNN", 1.25, mlp, few.and(side("onednn")));
    ratio("MLP bf16, R >= 64, oneDNN", 1.6, mlp, many.and(side("onednn")));
    ratio("MLP bf16, R <= 16, LibTorch", 1.5, mlp, few.and(side("libtorch")));
    ratio("MLP bf16, R >= 64, LibTorch", 1.3, mlp, many.and(side("libtorch")));
    Predicate<JsonNode> wide = row -> is(row, "storage", "f32");
    ratio("MLP f32, OpenBLAS", 1, mlp, wide.and(side("openblas")));
    ratio("MLP f32, LibTorch", 1, mlp, wide.and(side("libtorch")));
    ratio(
        "linear head, R <= 64, LibTorch",
        3,
        rows("linear"),
        side("libtorch").and(row -> number(row, "R") <= 64));
  }

  private void rest() throws IOException {
    ratio(
        "losses, 64 scores or fewer, LibTorch",
        3,
        rows("loss"),
        side("libtorch").and(row -> number(row, "scores") <= 64));
    ratio(
        "training step, 1024 -> 1024 -> 1, R = 64, LibTorch",
        1.3,
        rows("training"),
        side("libtorch")
            .and(row ->
                is(row, "kind", "training") && number(row, "H") == 1024 && number(row, "R") == 64));
    List<JsonNode> layouts = rows("layouts");
    line(
        "joint layout: time ratio / token model",
        0.9,
        layouts,
        row -> number(row, "prompt tokens") >= 200 && number(row, "responses") == 8,
        row -> number(row, "time ratio") / number(row, "token model"));
  }

  // Written as a factor that must not be exceeded: 5 / (p99.9 / p50) must be at least 1.
  private void tails() throws IOException {
    Path file = folder.resolve("gavel-bench.jsonl");
    List<JsonNode> tails = new ArrayList<>();
    if (Files.exists(file)) {
      for (String text : Files.readAllLines(file)) {
        JsonNode head = JSON.readTree(text);
        for (JsonNode row : head.path("rows")) {
          if (number(head, "width") == 1024
              && number(row, "responses") == 4
              && number(row, "callers") == 4
              && !row.path("p99_9_us").isNull()) {
            tails.add(row);
          }
        }
      }
    }
    line(
        "R = 4, H = 1024, 4 callers: 5 p50 / p99.9",
        1,
        tails,
        _ -> true,
        row -> 5 * number(row, "p50_us") / number(row, "p99_9_us"));
  }

  private void ratio(String what, double least, List<JsonNode> rows, Predicate<JsonNode> wanted) {
    line(what, least, rows, wanted, row -> number(row, "ratio"));
  }

  private void line(
      String what,
      double least,
      List<JsonNode> rows,
      Predicate<JsonNode> wanted,
      java.util.function.ToDoubleFunction<JsonNode> value) {
    double worst = Double.POSITIVE_INFINITY;
    String where = "";
    for (JsonNode row : rows) {
      if (wanted.test(row) && value.applyAsDouble(row) < worst) {
        worst = value.applyAsDouble(row);
        where = describe(row);
      }
    }
    boolean measured = worst < Double.POSITIVE_INFINITY;
    table.append(
        "| %s | %s | %s | %s | %s |\n"
            .formatted(
                what,
                least,
                measured ? Report.number(worst) : "-",
                where,
                measured ? (worst >= least ? "met" : "**missed**") : "not measured"));
  }

  private static String describe(JsonNode row) {
    List<String> words = new ArrayList<>();
    for (String name :
        List.of("loss", "H", "I", "storage", "R", "scores", "prompt tokens", "responses")) {
      if (row.has(name)) {
        words.add(name + " " + row.get(name).asText());
      }
    }
    return String.join(", ", words);
  }

  private List<JsonNode> rows(String name) throws IOException {
    Path file = folder.resolve(name + ".json");
    List<JsonNode> rows = new ArrayList<>();
    if (Files.exists(file)) {
      JSON.readTree(Files.readString(file)).path("rows").forEach(rows::add);
    }
    return rows;
  }

  private static Predicate<JsonNode> side(String name) {
    return row -> is(row, "side", name);
  }

  private static boolean is(JsonNode row, String name, String value) {
    return row.path(name).asText().equals(value);
  }

  private static boolean same(JsonNode row, String one, String other) {
    return number(row, one) == number(row, other);
  }

  private static double number(JsonNode row, String name) {
    return row.path(name).asDouble();
  }
}
