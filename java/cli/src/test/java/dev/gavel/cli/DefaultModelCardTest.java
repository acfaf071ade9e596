package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import dev.gavel.text.RewardModel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the default model's card says is what {@code gavel eval} measures. */
class DefaultModelCardTest {

  @Test
  void theCardsAccuracyIsMeasuredAgain() throws IOException {
    Path data = Project.data("pairs-autoj.jsonl");
    assumeTrue(
        Files.exists(data),
        "skipped: ../shared/data/pairs-autoj.jsonl is absent, which the default model was trained on");
    String card;
    try (InputStream in = RewardModel.class.getResourceAsStream("default-model/MODEL_CARD.md")) {
      assertTrue(in != null, "the default model has no card");
      card = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    Matcher claim =
        Pattern.compile("\\| this model, layout joint \\| (\\d+) \\| (\\d+) \\|").matcher(card);
    assertTrue(claim.find(), card);
    Run run =
        Run.of(
            "eval",
            "--input",
            data.toString(),
            "--part",
            "evaluation",
            "--holdout",
            "0.3",
            "--json");
    // One row of the file has an empty response.
    assertEquals(ExitCode.ROWS_FAILED, run.exitCode(), run.err());
    JsonNode all = run.json().get(0);
    assertEquals(Integer.parseInt(claim.group(1)), all.get("right").asInt());
    assertEquals(Integer.parseInt(claim.group(2)), all.get("n").asInt());
    assertTrue(
        all.get("interval").get(0).asDouble() > all.get("chance").asDouble(),
        "the default model must beat chance beyond its interval");
  }
}
