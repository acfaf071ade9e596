package dev.gavel.bench;

import ai.djl.engine.Engine;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.Layout;
import dev.gavel.text.GroupScore;
import dev.gavel.text.Prompt;
import dev.gavel.text.RewardModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Rows a second from text to scores: the default model in both layouts, beside langchain4j and DJL
 * with the same encoder and head as one ONNX graph. Every side scores the same rows, in turn.
 */
public final class EndToEndBenchmark {
  private static final int ROUNDS = 3;
  private static final int DJL_BATCH = 32;

  private EndToEndBenchmark() {}

  private record Timed(String name, Supplier<List<Double>> work) {}

  /**
   * Runs it: {@code [--rows N] [--data FILE] [--results FOLDER]}.
   *
   * @param arguments rows to score (default 64), JSON lines (default ../shared/data, which is no
   *     part of the project), where results go
   */
  public static void main(String[] arguments) throws Exception {
    int rows = 64;
    Path data = Path.of("..", "shared", "data", "nway-alpacaeval.jsonl");
    Optional<Path> results = Optional.empty();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      String value = arguments[i + 1];
      switch (arguments[i]) {
        case "--rows" -> rows = Integer.parseInt(value);
        case "--data" -> data = Path.of(value);
        case "--results" -> results = Optional.of(Path.of(value));
        default ->
            throw new IllegalArgumentException(
                "'%s': options are --rows, --data and --results".formatted(arguments[i]));
      }
    }
    int threads = Runtime.getRuntime().availableProcessors();
    // First: DJL's engine makes ONNX Runtime's environment with settings, and refuses one that is
    // there.
    Engine.getEngine("OnnxRuntime");
    Path folder = Files.createTempDirectory("gavel-bench");
    try (RewardModel joint = model(Layout.JOINT);
        RewardModel independent = model(Layout.INDEPENDENT)) {
      List<TextRow> uncut = uncut(TextRow.lines(data), joint, independent, rows);
      Path graph = folder.resolve("model.onnx");
      Path tokenizer = folder.resolve("tokenizer.json");
      Files.write(
          graph, ScoringGraph.of(ScoringGraph.resource("all-minilm-l6-v2.onnx"), joint.head()));
      Files.write(tokenizer, unlimited(ScoringGraph.resource("all-minilm-l6-v2-tokenizer.json")));
      try (PairScorers.Scorer pairs = PairScorers.langchain4j(graph, tokenizer, threads, false);
          PairScorers.Scorer prompts = PairScorers.langchain4j(graph, tokenizer, threads, true);
          PairScorers.Scorer djl = PairScorers.djl(graph, tokenizer, threads, DJL_BATCH)) {
        List<Timed> sides =
            List.of(
                new Timed("gavel, independent", () -> score(independent, uncut)),
                new Timed("gavel, joint", () -> score(joint, uncut)),
                new Timed("langchain4j, one pair at a time", () -> pairs.score(uncut)),
                new Timed(
                    "langchain4j, responses of a prompt together", () -> prompts.score(uncut)),
                new Timed("DJL, batches of " + DJL_BATCH, () -> djl.score(uncut)));
        measure(sides, uncut, data.getFileName().toString(), results);
      }
      Breakdown.measure(List.of(independent, joint), uncut, results);
    } finally {
      for (String name : List.of("model.onnx", "tokenizer.json")) {
        Files.deleteIfExists(folder.resolve(name));
      }
      Files.delete(folder);
    }
  }

  // The file cuts every pair to 128 tokens, and fills it up to as many: with that, the peers would
  // read half of the text. Gavel takes no limits from a tokenizer.
  private static byte[] unlimited(byte[] tokenizer) throws java.io.IOException {
    JsonMapper json = JsonMapper.builder().build();
    ObjectNode tree = (ObjectNode) json.readTree(tokenizer);
    tree.putNull("truncation");
    tree.putNull("padding");
    return json.writeValueAsBytes(tree);
  }

  private static RewardModel model(Layout layout) {
    return RewardModel.load("default", RewardModel.Options.defaults().withLayout(layout));
  }

  // The sides cut long texts differently, so only rows of which nothing is cut are the same work.
  private static List<TextRow> uncut(
      List<String> lines, RewardModel joint, RewardModel independent, int rows)
      throws java.io.IOException {
    List<TextRow> uncut = new ArrayList<>();
    for (String line : lines) {
      TextRow row = TextRow.parse(line);
      if (uncut.size() < rows && isUncut(joint, row) && isUncut(independent, row)) {
        uncut.add(row);
      }
    }
    if (uncut.isEmpty()) {
      throw new IllegalStateException("no row fits the model without being cut");
    }
    return uncut;
  }

  private static boolean isUncut(RewardModel model, TextRow row) {
    var packed = model.prepare(Prompt.text(row.prompt()), row.responses()).packed();
    return packed.promptCut() == 0 && packed.responseCut().stream().allMatch(cut -> cut == 0);
  }

  /** Rows are scored in company, up to the batch budget, as {@code gavel score} does. */
  static List<Double> score(RewardModel model, List<TextRow> rows) {
    List<Double> scores = new ArrayList<>();
    var waiting = new ArrayList<dev.gavel.text.TextBackbone.Tokenized>();
    long tokens = 0;
    for (TextRow row : rows) {
      var group = model.prepare(Prompt.text(row.prompt()), row.responses());
      waiting.add(group);
      tokens += group.packed().totalTokens();
      if (tokens >= model.options().batchTokens()) {
        take(model.score(waiting), scores);
        waiting.clear();
        tokens = 0;
      }
    }
    take(model.score(waiting), scores);
    return scores;
  }

  private static void take(List<GroupScore> groups, List<Double> scores) {
    groups.forEach(group -> group.scores().forEach(score -> scores.add((double) score)));
  }

  private static void measure(
      List<Timed> sides, List<TextRow> rows, String data, Optional<Path> results)
      throws java.io.IOException {
    int responses = rows.stream().mapToInt(row -> row.responses().size()).sum();
    Report report =
        new Report(
            "rows a second from text to scores: %d rows, %d responses of %s"
                .formatted(rows.size(), responses, data),
            "side",
            "rows/s",
            "rows/s, slowest round",
            "rows/s, fastest round",
            "responses/s",
            "correlation with gavel, independent");
    double[][] seconds = new double[sides.size()][ROUNDS];
    List<List<Double>> scores = new ArrayList<>();
    // Also the round that warms up.
    for (Timed side : sides) {
      scores.add(side.work().get());
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < sides.size(); i++) {
        Interleaved.park();
        long start = System.nanoTime();
        int scored = sides.get(i).work().get().size();
        seconds[i][round] = (System.nanoTime() - start) / 1e9;
        if (scored != responses) {
          throw new IllegalStateException(
              "%s gave %d scores of %d".formatted(sides.get(i).name(), scored, responses));
        }
      }
    }
    for (int i = 0; i < sides.size(); i++) {
      double median = Interleaved.quantile(seconds[i], 0.5);
      report.row(
          sides.get(i).name(),
          rows.size() / median,
          rows.size() / Interleaved.quantile(seconds[i], 1),
          rows.size() / Interleaved.quantile(seconds[i], 0),
          responses / median,
          correlation(sides.get(i).name(), scores.getFirst(), scores.get(i)));
    }
    if (results.isPresent()) {
      report.write(results.get(), "end-to-end", "bench/run.sh text --rows " + rows.size());
    }
  }

  // The peers feed token types where our model, which was trained so, feeds zeros, so scores are
  // alike and not equal; a side that does other work is not alike.
  private static double correlation(String name, List<Double> ours, List<Double> theirs) {
    int n = ours.size();
    double a = 0;
    double b = 0;
    for (int i = 0; i < n; i++) {
      a += ours.get(i) / n;
      b += theirs.get(i) / n;
    }
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < n; i++) {
      ab += (ours.get(i) - a) * (theirs.get(i) - b);
      aa += (ours.get(i) - a) * (ours.get(i) - a);
      bb += (theirs.get(i) - b) * (theirs.get(i) - b);
    }
    double correlation = ab / Math.sqrt(aa * bb);
    if (!(correlation > 0.3)) {
      throw new IllegalStateException(
          "%s: correlation %s with our scores; it does other work".formatted(name, correlation));
    }
    return correlation;
  }
}
