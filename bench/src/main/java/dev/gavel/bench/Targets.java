package dev.gavel.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * Compares what was measured with the speed that was set as the target, and writes targets.md. A
 * target that is missed must be explained in docs/results/misses.md under its own name; ends with 1
 * where one is not.
 */
public final class Targets {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Path MISSES = Path.of("docs", "results", "misses.md");

  // Of a floor, at most 1.2 times its time.
  private static final double NEAR_FLOOR = 1 / 1.2;

  private final Path folder;
  private final Set<String> explained;
  private final MeasuredHeads heads;
  private final List<String> unexplained = new ArrayList<>();
  private final StringBuilder table =
      new StringBuilder(
          """
          # Targets

          Written by `bench/run.sh targets`. A ratio is peer / ours; the worst case of each line counts. Why a target is missed, and
          what was tried: [misses.md](misses.md).

          | target | at least | worst | case | |
          |---|---|---|---|---|
          """);

  private Targets(Path folder) throws IOException {
    this.folder = folder;
    this.explained =
        Files.readAllLines(MISSES).stream()
            .filter(line -> line.startsWith("## "))
            .map(line -> line.substring(3).strip())
            .collect(Collectors.toSet());
    this.heads = new MeasuredHeads(folder);
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
    targets.mlp();
    targets.linearAndLosses();
    targets.training();
    targets.rest();
    Files.writeString(targets.folder.resolve("targets.md"), targets.table);
    System.out.print(targets.table);
    if (!targets.unexplained.isEmpty()) {
      System.err.println(
          "targets: missed and not explained in %s, which needs a heading '## NAME' for each: %s"
              .formatted(MISSES, String.join("; ", targets.unexplained)));
      System.exit(1);
    }
  }

  private void mlp() throws IOException {
    List<JsonNode> mlp = rows("mlp");
    Predicate<JsonNode> wide =
        row -> is(row, "storage", "bf16") && number(row, "H") >= 1024 && number(row, "I") >= 1024;
    Predicate<JsonNode> few = wide.and(row -> number(row, "R") <= 16);
    Predicate<JsonNode> many = wide.and(row -> number(row, "R") >= 64);
    ratio("MLP bf16, R <= 16, oneDNN", 1.25, mlp, few.and(side("onednn")));
    ratio("MLP bf16, R >= 64, oneDNN", 1.6, mlp, many.and(side("onednn")));
    ratio("MLP bf16, R <= 16, LibTorch", 1.5, mlp, few.and(side("libtorch")));
    ratio("MLP bf16, R >= 64, LibTorch", 1.3, mlp, many.and(side("libtorch")));
    line(
        "MLP bf16, R = 1024, H = 4096: TFLOP/s",
        1.9,
        mlp,
        wide.and(side("gavel")).and(row -> number(row, "R") == 1024 && number(row, "H") == 4096),
        row -> number(row, "GFLOP/s") / 1000);
    Predicate<JsonNode> f32 = row -> is(row, "storage", "f32");
    ratio("MLP f32, OpenBLAS", 1, mlp, f32.and(side("openblas")));
    ratio("MLP f32, LibTorch", 1, mlp, f32.and(side("libtorch")));
    line(
        "AVX-512 alone, R = 1: AMX time / its time",
        0.85,
        rows("instruction-sets"),
        row -> is(row, "best set", "amx") && is(row, "set", "avx512"),
        row -> number(row, "speed"));
    line(
        "AVX2 alone, R = 1: AMX time / its time",
        0.65,
        rows("instruction-sets"),
        row -> is(row, "best set", "amx") && is(row, "set", "avx2"),
        row -> number(row, "speed"));
  }

  private void linearAndLosses() throws IOException {
    List<JsonNode> linear = rows("linear");
    List<JsonNode> losses = rows("loss");
    ratio(
        "linear head, R <= 64, LibTorch",
        3,
        linear,
        side("libtorch").and(row -> number(row, "R") <= 64));
    ratio(
        "losses, 64 scores or fewer, LibTorch",
        3,
        losses,
        side("libtorch").and(row -> number(row, "scores") <= 64));
    floor(
        "linear head, R >= 1024: memory floor / time",
        linear,
        side("gavel").and(row -> number(row, "R") >= 1024),
        row -> (is(row, "storage", "f32") ? 4 : 2) * (number(row, "R") + 1) * number(row, "H"));
    // A score and its gradient, its rank, label or target, and per item: a pair's two numbers, or a
    // group's offset and target, and its loss.
    floor(
        "losses, 1024 scores or more: memory floor / time",
        losses,
        side("gavel").and(row -> number(row, "scores") >= 1024),
        row -> number(row, "scores") * bytesOfScore(row));
  }

  private static double bytesOfScore(JsonNode row) {
    LossCase.Kind kind = LossCase.Kind.valueOf(row.path("loss").asText().toUpperCase(Locale.ROOT));
    return switch (kind) {
      case BRADLEY_TERRY, CROSS_ENTROPY, ORDINAL -> 8 + 20.0 / kind.size();
      case PLACKETT_LUCE, PAIRWISE_RANKING -> 16 + 12.0 / kind.size();
      case STEP_RANKING -> 9 + 12.0 / kind.size();
      case MSE, BCE, PINBALL -> 16;
    };
  }

  private void training() throws IOException {
    List<JsonNode> training = rows("training");
    ratio(
        "training step, 1024 -> 1024 -> 1, R = 64, LibTorch",
        1.3,
        training,
        side("libtorch")
            .and(row ->
                is(row, "kind", "training") && number(row, "H") == 1024 && number(row, "R") == 64));
    List<JsonNode> adamw = training.stream().filter(row -> is(row, "kind", "adamw")).toList();
    line(
        "AdamW: share of the bandwidth of its streams",
        0.85,
        adamw,
        side("gavel"),
        row -> {
          double best =
              adamw.stream()
                  .filter(side("stream"))
                  .filter(other ->
                      number(other, "H") == number(row, "H")
                          && other.path("storage").equals(row.path("storage")))
                  .mapToDouble(other -> number(other, "AdamW GB/s"))
                  .max()
                  .orElse(0);
          return best > 0 ? number(row, "AdamW GB/s") / best : Double.POSITIVE_INFINITY;
        });
  }

  private void rest() throws IOException {
    line(
        "joint layout: time ratio / token model",
        0.9,
        rows("layouts"),
        row -> number(row, "prompt tokens") >= 200 && number(row, "responses") == 8,
        row -> number(row, "time ratio") / number(row, "token model"));
    // Written as a factor that must not be exceeded.
    line(
        "R = 4, H = 1024, 4 callers: 5 p50 / p99.9",
        1,
        heads.tails(1024, 4, 4),
        _ -> true,
        row -> 5 * number(row, "p50_us") / number(row, "p99_9_us"));
  }

  private void ratio(String what, double least, List<JsonNode> rows, Predicate<JsonNode> wanted) {
    line(what, least, rows, wanted, row -> number(row, "ratio"));
  }

  // Reading the bytes of a case once, beside the time it takes.
  private void floor(
      String what,
      List<JsonNode> rows,
      Predicate<JsonNode> wanted,
      ToDoubleFunction<JsonNode> bytes) {
    line(
        what,
        NEAR_FLOOR,
        rows,
        wanted,
        row -> heads.readMicros(bytes.applyAsDouble(row)) / number(row, "median us"));
  }

  private void line(
      String what,
      double least,
      List<JsonNode> rows,
      Predicate<JsonNode> wanted,
      ToDoubleFunction<JsonNode> value) {
    double worst = Double.POSITIVE_INFINITY;
    String where = "";
    for (JsonNode row : rows) {
      if (wanted.test(row) && value.applyAsDouble(row) < worst) {
        worst = value.applyAsDouble(row);
        where = describe(row);
      }
    }
    boolean measured = worst < Double.POSITIVE_INFINITY;
    boolean missed = measured && worst < least;
    if (missed && !explained.contains(what)) {
      unexplained.add(what);
    }
    table.append(
        "| %s | %s | %s | %s | %s |\n"
            .formatted(
                what,
                Report.number(least),
                measured ? Report.number(worst) : "-",
                where,
                !measured ? "not measured" : missed ? "**missed**" : "met"));
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

  private static double number(JsonNode row, String name) {
    return row.path(name).asDouble();
  }
}
