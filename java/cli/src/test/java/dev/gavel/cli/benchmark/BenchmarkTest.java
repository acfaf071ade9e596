package dev.gavel.cli.benchmark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.gavel.cli.rows.Row;
import dev.gavel.metric.RewardBench;
import dev.gavel.text.Prompt;
import dev.gavel.text.row.BadRowException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The rules of RewardBench 1 and 2 on rows with known scores. */
class BenchmarkTest {

  private static Row row(String id, String subset, int right, int wrong) {
    List<Double> labels = new ArrayList<>(Collections.nCopies(right, 1.0));
    labels.addAll(Collections.nCopies(wrong, 0.0));
    List<String> responses = Collections.nCopies(right + wrong, "text");
    return new Row(
        3,
        JsonNodeFactory.instance.textNode(id),
        Prompt.text("p"),
        "p",
        responses,
        Optional.ofNullable(subset),
        Optional.of(labels),
        List.of());
  }

  private static void refused(Benchmark benchmark, Row row, String field) {
    BadRowException refusal = assertThrows(BadRowException.class, () -> benchmark.check(row));
    assertEquals(field, refusal.error().field());
    // One name, that of the option.
    assertFalse(refusal.error().message().contains("RewardBench"), refusal.error().message());
  }

  private static List<Float> scores(float... values) {
    List<Float> list = new ArrayList<>();
    for (float value : values) {
      list.add(value);
    }
    return list;
  }

  @Test
  void aConstantScorerGetsNothingInRewardBenchAndAQuarterInRewardBench2() {
    RewardBenchmark one = new RewardBenchmark();
    RewardBench.SUBSETS.keySet().forEach(subset -> one.add(row("1", subset, 1, 1), scores(2, 2)));
    assertEquals(4, one.sections().size());
    assertEquals(0, one.score().orElseThrow().value(), 0);
    RewardBenchmark2 two = new RewardBenchmark2();
    two.add(row("1", "Math", 1, 3), scores(2, 2, 2, 2));
    assertEquals(0.25, two.sections().getFirst().estimate().value(), 0);
    assertTrue(two.score().isEmpty());
  }

  @Test
  void subsetsCountByTheReferencesCountsNotByTheirRows() {
    RewardBenchmark benchmark = new RewardBenchmark();
    // math-prm counts 984 and each language 164, whatever rows there are.
    for (int i = 0; i < 10; i++) {
      benchmark.add(row("1", "hep-java", 1, 1), scores(2, 1));
    }
    benchmark.add(row("1", "math-prm", 1, 1), scores(1, 2));
    Benchmark.Section reasoning = benchmark.sections().getFirst();
    assertEquals("reasoning", reasoning.name());
    assertEquals(11, reasoning.rows());
    assertEquals(164.0 / (164 + 984), reasoning.estimate().value(), 1e-15);
    assertTrue(benchmark.score().isEmpty());
    assertEquals(
        RewardBench.of(RewardBench.Weights.REFERENCE, Map.of("hep-java", 1.0, "math-prm", 0.0))
            .sections()
            .get(RewardBench.Section.REASONING),
        reasoning.estimate().value(),
        1e-15);
  }

  @Test
  void tiesAreScoredByPrompts() {
    RewardBenchmark2 benchmark = new RewardBenchmark2();
    benchmark.add(row("ref:7", "Ties", 1, 2), scores(5, 1, 0));
    benchmark.add(row("tied:7", "Ties", 2, 1), scores(3, 2.5f, 1));
    benchmark.add(row("ref:8", "Ties", 1, 1), scores(0, 1));
    benchmark.add(row("tied:8", "Ties", 2, 1), scores(3, 1, 2));
    Benchmark.Section ties = benchmark.sections().getFirst();
    // Accuracies 1/2 and 1/2, gap above spread for prompt 7 only; margins tanh(1.5 / 0.5 - 1),
    // tanh(-1 / 2 - 1).
    double margin = (Math.tanh(2) + Math.tanh(-1.5)) / 2;
    assertEquals(0.3 + 0.2 + 0.01 * margin, ties.estimate().value(), 1e-12);
    double low = ties.estimate().interval().low();
    double high = ties.estimate().interval().high();
    assertTrue(low <= 0 && high >= 1 && high <= 1.01, low + " " + high);
    // A prompt without its reference is in every sample and never alone.
    benchmark.add(row("tied:9", "Ties", 2, 1), scores(3, 3, 2));
    assertEquals(5, benchmark.sections().getFirst().rows());
    assertTrue(benchmark.sections().getFirst().estimate().interval().low() > low);
  }

  /** As of a part of the prompts, or where rows failed: what else was scored is not lost. */
  @Test
  void tiedPromptsWithoutTheirReferenceHaveNoScoreAndSayWhy() {
    RewardBenchmark2 benchmark = new RewardBenchmark2();
    benchmark.add(row("1", "Math", 1, 3), scores(2, 1, 1, 1));
    benchmark.add(row("tied:9", "Ties", 2, 1), scores(3, 3, 2));
    benchmark.add(row("ref:8", "Ties", 1, 1), scores(3, 2));
    assertEquals(
        List.of("Math"), benchmark.sections().stream().map(Benchmark.Section::name).toList());
    assertTrue(benchmark.score().isEmpty());
    String why = benchmark.unscored().getOrDefault("Ties", "");
    assertTrue(why.contains("each tied prompt needs its reference"), why);
    benchmark.add(row("ref:9", "Ties", 1, 1), scores(3, 2));
    assertEquals(Map.of(), benchmark.unscored());
    assertEquals(2, benchmark.sections().size());
  }

  @Test
  void rightResponsesAreTheOnesWithTheBestLabelWhereverTheyStand() {
    RewardBenchmark2 benchmark = new RewardBenchmark2();
    Row base = row("tied:1", "Ties", 1, 2);
    Row moved =
        new Row(
            base.line(),
            base.id(),
            base.prompt(),
            "p",
            base.responses(),
            base.subset(),
            Optional.of(List.of(0.0, 1.0, 1.0)),
            List.of());
    benchmark.add(moved, scores(-1, 4, 4));
    benchmark.add(row("ref:1", "Ties", 1, 1), scores(2, 1));
    assertTrue(benchmark.sections().getFirst().estimate().value() > 0.99);
  }

  @Test
  void rowsOfSomethingElseAreRefused() throws BadRowException {
    RewardBenchmark one = new RewardBenchmark();
    one.check(row("1", "donotanswer", 1, 1));
    refused(one, row("1", "Math", 1, 1), "subset");
    refused(one, row("1", null, 1, 1), "subset");
    refused(one, row("1", "donotanswer", 1, 2), "responses");
    RewardBenchmark2 two = new RewardBenchmark2();
    two.check(row("tied:12", "Ties", 3, 4));
    two.check(row("x", "Precise IF", 1, 3));
    refused(two, row("x", "Ties", 3, 4), "id");
    refused(two, row("x", "Math", 2, 2), "chosen");
    refused(two, row("x", "donotanswer", 1, 1), "subset");
  }
}
