package dev.gavel.cli.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.cli.rows.Row;
import dev.gavel.text.GroupScore;
import dev.gavel.text.Prompt;
import dev.gavel.text.Spread;
import dev.gavel.text.row.RowError;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WritersTest {

  private static ScoredRow row(String prompt, List<String> responses, List<Float> scores) {
    List<Integer> tokens = Collections.nCopies(scores.size(), 3);
    return new ScoredRow.Scored(
        new Row(
            5,
            JsonNodeFactory.instance.textNode("x"),
            Prompt.text(prompt),
            prompt,
            responses,
            Optional.of("part"),
            Optional.empty(),
            List.of()),
        new GroupScore(
            scores,
            Spread.none(),
            List.of(),
            List.of(),
            Layout.JOINT,
            2,
            0,
            tokens,
            tokens,
            9,
            4,
            1,
            "identity",
            "none"));
  }

  @Test
  void sharedTokensAreReportedWhereThereAreSome() throws IOException {
    ScoredRow.Scored whole = (ScoredRow.Scored) row("p", List.of("a", "b"), List.of(0.5f, 0.25f));
    GroupScore score = whole.score();
    ScoredRow shared =
        new ScoredRow.Scored(
            whole.row(),
            new GroupScore(
                score.scores(),
                Spread.none(),
                List.of(),
                List.of(),
                Layout.INDEPENDENT,
                1,
                6,
                score.tokens(),
                score.truncated(),
                score.promptTokens(),
                score.promptTruncated(),
                score.specialLiterals(),
                score.readout(),
                score.template()));
    assertTrue(
        json(shared).contains("\"passes\":1,\"shared_tokens\":6,\"layout\":\"independent\""));
    assertTrue(table(shared, 80).contains("1 pass, 6 tokens shared"), table(shared, 80));
    assertTrue(!json(whole).contains("shared_tokens"));
  }

  @Test
  void stepsHaveTheirScores() throws IOException {
    ScoredRow.Scored whole = (ScoredRow.Scored) row("p", List.of("a", "b"), List.of(0.5f, 0.25f));
    GroupScore score = whole.score();
    ScoredRow stepped =
        new ScoredRow.Scored(
            whole.row(),
            new GroupScore(
                score.scores(),
                Spread.none(),
                List.of(List.of(0.5f), List.of(0.25f, Float.NaN)),
                List.of(),
                score.layout(),
                score.passes(),
                score.sharedTokens(),
                score.tokens(),
                score.truncated(),
                score.promptTokens(),
                score.promptTruncated(),
                score.specialLiterals(),
                score.readout(),
                score.template()));
    assertTrue(
        json(stepped).contains("\"scores\":[0.5,0.25],\"step_scores\":[[0.5],[0.25,null]]"),
        json(stepped));
    assertTrue(table(stepped, 80).contains("steps  +0.2500 NaN"), table(stepped, 80));
    assertTrue(!json(whole).contains("step_scores"));
  }

  private static GroupScore.Objective objective(String name, float... values) {
    List<Float> numbers = new ArrayList<>();
    for (float value : values) {
      numbers.add(value);
    }
    return new GroupScore.Objective(name, numbers, Spread.none());
  }

  private static ScoredRow withObjectives(GroupScore.Objective... objectives) {
    return with(Spread.none(), objectives);
  }

  private static ScoredRow with(Spread spread, GroupScore.Objective... objectives) {
    ScoredRow.Scored whole = (ScoredRow.Scored) row("p", List.of("a", "b"), List.of(0.5f, 0.25f));
    GroupScore score = whole.score();
    return new ScoredRow.Scored(
        whole.row(),
        new GroupScore(
            score.scores(),
            spread,
            List.of(),
            List.of(objectives),
            score.layout(),
            score.passes(),
            score.sharedTokens(),
            score.tokens(),
            score.truncated(),
            score.promptTokens(),
            score.promptTruncated(),
            score.specialLiterals(),
            score.readout(),
            score.template()));
  }

  @Test
  void objectivesStandUnderTheirNames() throws IOException {
    ScoredRow row = withObjectives(objective("help\"ful", 0.1f, -2f), objective("100%", 3f, 4f));
    assertTrue(
        json(row)
            .contains(
                "\"scores\":[0.5,0.25],\"objectives\":{\"help\\\"ful\":[0.1,-2.0],\"100%\":[3.0,4.0]},\"best\":0"),
        json(row));
    assertTrue(!json(row).contains("error"), json(row));
    List<String> lines = table(row, 80).lines().toList();
    assertEquals("        help\"ful +0.1000, 100% +3.0000", lines.get(4));
    assertEquals("        help\"ful -2.0000, 100% +4.0000", lines.get(6));
    assertEquals(38, Columns.width(table(row, 38).lines().toList().get(4)));
  }

  /** Every objective has a number for each response, and a finite one, or the row says so. */
  @Test
  void anObjectiveThatIsNoNumberIsNullAndAnError() throws IOException {
    ScoredRow row = withObjectives(objective("100%", 1f, Float.POSITIVE_INFINITY));
    JsonNode read = JsonMapper.builder().build().readTree(json(row));
    assertTrue(read.get("objectives").get("100%").get(1).isNull());
    assertEquals(0.25, read.get("scores").get(1).asDouble());
    assertEquals("responses[1]", read.get("error").get("field").asText());
    assertEquals("Infinity for response 1, 100%", read.get("error").get("found").asText());
    InvalidArgumentException refused =
        assertThrows(InvalidArgumentException.class, () -> withObjectives(objective("x", 1f)));
    assertTrue(
        String.valueOf(refused.getMessage()).contains("objective x has 1 numbers for 2 scores"),
        refused.getMessage());
  }

  @Test
  void whatIsBehindAMeanStandsBesideIt() throws IOException {
    ScoredRow variance = with(new Spread.Variance(List.of(0.125f, 2f)));
    assertTrue(
        json(variance).contains("\"scores\":[0.5,0.25],\"score_variance\":[0.125,2.0],\"best\":0"),
        json(variance));
    List<String> lines = table(variance, 80).lines().toList();
    assertEquals("        variance +0.1250", lines.get(4));
    assertEquals("        variance +2.0000", lines.get(6));
    ScoredRow quantiles =
        with(new Spread.Quantiles(List.of(List.of(0f, 1f), List.of(0.25f, 0.25f))));
    assertTrue(
        json(quantiles).contains("],\"score_quantiles\":[[0.0,1.0],[0.25,0.25]],\"best\""),
        json(quantiles));
    assertEquals("        quantiles +0.0000 +1.0000", table(quantiles, 80).lines().toList().get(4));
    ScoredRow objectives =
        with(
            Spread.none(),
            new GroupScore.Objective("a", List.of(1f, 2f), new Spread.Variance(List.of(3f, 4f))),
            new GroupScore.Objective("b", List.of(5f, 6f), new Spread.Variance(List.of(7f, 8f))));
    assertTrue(
        json(objectives)
            .contains(
                "\"objectives\":{\"a\":[1.0,2.0],\"b\":[5.0,6.0]},\"objective_variances\":{\"a\":[3.0,4.0],\"b\":[7.0,8.0]},\"best\""),
        json(objectives));
    assertEquals(
        "        a +1.0000 (variance +3.0000), b +5.0000 (variance +7.0000)",
        table(objectives, 80).lines().toList().get(4));
    ScoredRow lists =
        with(
            Spread.none(),
            new GroupScore.Objective(
                "a",
                List.of(1f, 2f),
                new Spread.Quantiles(List.of(List.of(1f, 1f), List.of(1f, 3f)))));
    assertTrue(
        json(lists).contains("\"objective_quantiles\":{\"a\":[[1.0,1.0],[1.0,3.0]]}"), json(lists));
  }

  /** Every response has its own, finite, or the row says so. */
  @Test
  void whatIsBehindAMeanIsCheckedAsScoresAre() throws IOException {
    JsonNode read =
        JsonMapper.builder()
            .build()
            .readTree(json(with(new Spread.Variance(List.of(1f, Float.POSITIVE_INFINITY)))));
    assertTrue(read.get("score_variance").get(1).isNull());
    assertEquals("Infinity for response 1, variance", read.get("error").get("found").asText());
    JsonNode quantiles =
        JsonMapper.builder()
            .build()
            .readTree(json(with(new Spread.Quantiles(List.of(List.of(Float.NaN), List.of(1f))))));
    assertEquals("responses[0]", quantiles.get("error").get("field").asText());
    for (Spread wrong :
        List.of(new Spread.Variance(List.of(1f)), new Spread.Quantiles(List.of()))) {
      InvalidArgumentException refused =
          assertThrows(InvalidArgumentException.class, () -> with(wrong));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("responses of 2"), refused.getMessage());
    }
  }

  private static String json(ScoredRow row) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new JsonRows(out, "tiny").write(row);
    return out.toString(StandardCharsets.UTF_8);
  }

  private static String table(ScoredRow row, int columns) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new TableRows(out, columns).write(row);
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aRowTellsEverything() throws IOException {
    assertEquals(
        "{\"id\":\"x\",\"subset\":\"part\",\"scores\":[0.1,-2.5],\"best\":0,\"ranking\":[0,1],"
            + "\"tokens\":[3,3],\"truncated\":[3,3],\"prompt_tokens\":9,\"prompt_truncated\":4,"
            + "\"special_literals\":1,\"passes\":2,\"layout\":\"joint\",\"readout\":\"identity\","
            + "\"template\":\"none\",\"model\":\"tiny\"}\n",
        json(row("p", List.of("a", "b"), List.of(0.1f, -2.5f))));
  }

  @Test
  void scoresKeepTheirBits() throws IOException {
    List<Float> scores = List.of(Float.MIN_VALUE, 1.1754942e-38f, -0f, 3.4028235e38f, 0.1f, 1e7f);
    JsonNode read =
        JsonMapper.builder()
            .build()
            .readTree(json(row("p", Collections.nCopies(6, "a"), scores)))
            .get("scores");
    for (int i = 0; i < scores.size(); i++) {
      assertEquals(
          Float.floatToRawIntBits(scores.get(i)),
          Float.floatToRawIntBits((float) read.get(i).doubleValue()));
    }
  }

  @Test
  void aScoreThatIsNoNumberIsNullAndAnError() throws IOException {
    JsonNode read =
        JsonMapper.builder()
            .build()
            .readTree(
                json(
                    row(
                        "p",
                        List.of("a", "b", "c"),
                        List.of(1f, Float.NaN, Float.NEGATIVE_INFINITY))));
    assertTrue(read.get("scores").get(1).isNull());
    assertTrue(read.get("scores").get(2).isNull());
    assertEquals(1, read.get("scores").get(0).asDouble());
    assertEquals(0, read.get("best").asInt());
    assertEquals("responses[1]", read.get("error").get("field").asText());
    assertEquals(
        "NaN for response 1, -Infinity for response 2", read.get("error").get("found").asText());
    assertTrue(
        JsonMapper.builder()
            .build()
            .readTree(json(row("p", List.of("a"), List.of(Float.NaN))))
            .get("best")
            .isNull());
  }

  @Test
  void anErrorRowIsValidJsonWhateverWasFound() throws IOException {
    RowError error = new RowError("line", "\ud800\u0000\"" + "x".repeat(500), "message \udfff");
    JsonNode read =
        JsonMapper.builder()
            .build()
            .readTree(
                json(
                    new ScoredRow.Failed(
                        new ParsedRow.Bad(3, JsonNodeFactory.instance.nullNode(), error))));
    assertEquals(3, read.get("line").asInt());
    assertTrue(read.get("id").isNull());
    assertEquals("\uFFFD\u0000\"xx", read.get("error").get("found").asText().substring(0, 5));
    assertEquals(80, read.get("error").get("found").asText().length());
  }

  @Test
  void theTableSortsFitsAndPrintsNoControlCharacters() throws IOException {
    ScoredRow row =
        row(
            "\u001b[31m日本語日本語日本語日本語日本語日本語日本語日本語日本語 \u202e",
            List.of("worse", "better\u0007\nline " + "x".repeat(200)),
            List.of(-1f, 2f));
    String table = table(row, 60);
    List<String> lines = table.lines().toList();
    assertEquals(5, lines.size());
    assertTrue(lines.get(3).contains("+2.0000"), table);
    assertTrue(lines.get(3).contains("better\uFFFD line x"), table);
    assertTrue(lines.get(4).contains("-1.0000"), table);
    assertTrue(lines.get(3).contains("-3 "), table);
    for (String line : lines) {
      assertTrue(Columns.width(line) <= 60, line);
      assertFalse(line.chars().anyMatch(unit -> unit < ' ' || unit == 0x202e), line);
    }
    assertTrue(lines.get(0).endsWith("…"), table);
    assertEquals(60, Columns.width(lines.get(3)), "uses the whole width");
  }

  @Test
  void whatFitsIsNotCut() {
    assertEquals("abc", Columns.fit("abc", 3));
    assertEquals("ab…", Columns.fit("abcd", 3));
    assertEquals("日…", Columns.fit("日本語", 4));
    assertEquals("日本語", Columns.fit("日本語", 6));
  }
}
