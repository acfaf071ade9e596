package dev.gavel.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.Layout;
import dev.gavel.cli.benchmark.Benchmark;
import dev.gavel.cli.metric.Tally;
import dev.gavel.message.Counted;
import dev.gavel.metric.Estimate;
import dev.gavel.metric.Proportion;
import dev.gavel.text.ModelConfig;
import java.util.Locale;

/**
 * What {@code gavel eval} prints.
 *
 * @param model name of the model
 * @param layout how responses lay in sequences
 * @param data the file
 * @param part all, training or evaluation
 * @param holdout part of the prompts held out
 * @param seed of the order of responses
 * @param result what came out
 */
record EvalReport(
    String model,
    String layout,
    String data,
    String part,
    double holdout,
    long seed,
    EvalResult result) {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  static EvalReport of(
      String model,
      Layout layout,
      String data,
      String part,
      double holdout,
      long seed,
      EvalResult result) {
    return new EvalReport(model, ModelConfig.name(layout), data, part, holdout, seed, result);
  }

  /** One JSON object on one line. */
  String json() {
    ObjectNode all = JSON.createObjectNode();
    all.put("model", model);
    all.put("layout", layout);
    all.put("part", part);
    all.put("holdout", holdout);
    all.put("seed", seed);
    describe(all, result.all());
    all.put("failed", result.failedRows());
    all.put("without_preference", result.withoutPreference());
    result.benchmark().ifPresent(benchmark -> describe(all.putObject("benchmark"), benchmark));
    ObjectNode subsets = all.putObject("subsets");
    result.subsets().forEach((name, tally) -> describe(subsets.putObject(name), tally));
    return all + "\n";
  }

  /** Lines for people. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append(
        "%s, layout %s, on %s%s\n"
            .formatted(
                model,
                layout,
                data,
                part.equals("all") ? "" : ", part %s of holdout %s".formatted(part, holdout)));
    int width =
        Math.max(
            "subset".length(),
            result.subsets().keySet().stream().mapToInt(String::length).max().orElse(0));
    String format = "%-" + width + "s  %6s  %-23s  %-23s  %7s  %5s\n";
    text.append(
        format.formatted(
            "subset", "rows", "accuracy (95 %)", "length only (95 %)", "chance", "ties"));
    line(text, format, "all", result.all());
    result.subsets().forEach((name, tally) -> line(text, format, name, tally));
    Tally all = result.all();
    if (all.pairAccuracy().of() != all.accuracy().of()) {
      text.append(
          "pairs: %d, in the right order %s, by length only %s, ties %d\n"
              .formatted(
                  all.pairAccuracy().of(),
                  percent(all.pairAccuracy()),
                  percent(all.lengthPairAccuracy()),
                  all.pairTies()));
    }
    result.benchmark().ifPresent(benchmark -> table(text, benchmark));
    text.append(
        "rows not scored: %d; rows without a preference, left out: %d\n"
            .formatted(result.failedRows(), result.withoutPreference()));
    return text.toString();
  }

  private static void line(StringBuilder text, String format, String name, Tally tally) {
    text.append(
        format.formatted(
            name,
            tally.accuracy().of(),
            percent(tally.accuracy()),
            percent(tally.lengthAccuracy()),
            tally.accuracy().of() == 0
                ? "-"
                : String.format(Locale.ROOT, "%.1f %%", 100 * tally.chance()),
            tally.ties()));
  }

  private static void table(StringBuilder text, Benchmark benchmark) {
    for (Benchmark.Section section : benchmark.sections()) {
      text.append(
          "%s %s: %s of %s\n"
              .formatted(
                  benchmark.name(),
                  section.name(),
                  section.estimate().percent(),
                  Counted.of(section.rows(), "row")));
    }
    benchmark
        .unscored()
        .forEach((section, why) ->
            text.append("%s %s: no score: %s\n".formatted(benchmark.name(), section, why)));
    text.append(
        "%s score: %s\n"
            .formatted(
                benchmark.name(),
                benchmark.score().map(Estimate::percent).orElse("none, a section has no score")));
  }

  private static String percent(Proportion proportion) {
    return proportion.of() == 0 ? "-" : proportion.percent();
  }

  private static void describe(ObjectNode to, Tally tally) {
    proportion(to, tally.accuracy());
    to.put("ties", tally.ties());
    share(to, "chance", tally.accuracy(), tally.chance());
    proportion(to.putObject("length"), tally.lengthAccuracy());
    ObjectNode pairs = to.putObject("pairs");
    proportion(pairs, tally.pairAccuracy());
    pairs.put("ties", tally.pairTies());
    Proportion length = tally.lengthPairAccuracy();
    share(pairs, "length_accuracy", length, length.value());
  }

  private static void describe(ObjectNode to, Benchmark benchmark) {
    to.put("name", benchmark.name());
    benchmark
        .score()
        .ifPresentOrElse(
            score -> estimate(to, score),
            () -> {
              to.putNull("score");
              to.putNull("interval");
            });
    ObjectNode sections = to.putObject("sections");
    for (Benchmark.Section section : benchmark.sections()) {
      ObjectNode described = sections.putObject(section.name());
      estimate(described, section.estimate());
      described.put("n", section.rows());
    }
    if (!benchmark.unscored().isEmpty()) {
      ObjectNode unscored = to.putObject("unscored");
      benchmark.unscored().forEach(unscored::put);
    }
  }

  private static void estimate(ObjectNode to, Estimate estimate) {
    to.put("score", estimate.value());
    to.putArray("interval").add(estimate.interval().low()).add(estimate.interval().high());
  }

  private static void proportion(ObjectNode to, Proportion proportion) {
    share(to, "accuracy", proportion, proportion.value());
    ArrayNode interval = to.putArray("interval");
    interval.add(proportion.low());
    interval.add(proportion.high());
    to.put("n", proportion.of());
    to.put("right", proportion.count());
  }

  // Without rows there is no share of them: null, not 0.
  private static void share(ObjectNode to, String key, Proportion rows, double value) {
    if (rows.of() == 0) {
      to.putNull(key);
    } else {
      to.put(key, value);
    }
  }
}
