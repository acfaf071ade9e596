package dev.gavel.cli.output;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gavel.cli.rows.ParsedRow;
import dev.gavel.text.GroupScore;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.Spread;
import dev.gavel.text.row.NonFinite;
import dev.gavel.text.row.RowError;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One JSON object per row and line, flushed row by row (files ignore that). docs/command-line.md
 * lists the keys. JSON has no NaN and no infinity: such a score is null, and the row has an {@code
 * error} beside its other scores.
 */
public final class JsonRows implements RowWriter {
  private final OutputStream out;
  private final String model;
  private final JsonFactory json = JsonMapper.builder().build().getFactory();

  /**
   * Writes to a stream, which it does not close.
   *
   * @param model name of the model, for every row
   */
  public JsonRows(OutputStream out, String model) {
    this.out = out;
    this.model = model;
  }

  @Override
  public void write(String file, ScoredRow row) throws IOException {
    // The line is built first and written at once: a failure must not leave half of it.
    java.io.StringWriter line = new java.io.StringWriter();
    try (JsonGenerator to = json.createGenerator(line)) {
      to.writeStartObject();
      switch (row) {
        case ScoredRow.Scored scored -> scored(to, file, scored);
        case ScoredRow.Failed(ParsedRow.Bad bad) -> {
          to.writePOJOField("id", bad.id());
          file(to, file);
          to.writeNumberField("line", bad.line());
          error(to, bad.error());
        }
      }
      to.writeEndObject();
    }
    out.write(line.append('\n').toString().getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private void scored(JsonGenerator to, String file, ScoredRow.Scored scored) throws IOException {
    GroupScore score = scored.score();
    to.writePOJOField("id", scored.row().id());
    file(to, file);
    if (scored.row().subset().isPresent()) {
      to.writeStringField("subset", scored.row().subset().get());
    }
    to.writeFieldName("scores");
    numbers(to, score.scores());
    spread(to, "score", score.spread());
    if (!score.steps().isEmpty()) {
      to.writeArrayFieldStart("step_scores");
      for (List<Float> steps : score.steps()) {
        numbers(to, steps);
      }
      to.writeEndArray();
    }
    if (!score.objectives().isEmpty()) {
      to.writeObjectFieldStart("objectives");
      for (GroupScore.Objective objective : score.objectives()) {
        to.writeFieldName(objective.name());
        numbers(to, objective.values());
      }
      to.writeEndObject();
      objectiveSpread(to, score.objectives());
    }
    if (score.scores().get(score.best()).isNaN()) {
      to.writeNullField("best");
    } else {
      to.writeNumberField("best", score.best());
    }
    integers(to, "ranking", score.ranking());
    integers(to, "tokens", score.tokens());
    integers(to, "truncated", score.truncated());
    to.writeNumberField("prompt_tokens", score.promptTokens());
    to.writeNumberField("prompt_truncated", score.promptTruncated());
    to.writeNumberField("special_literals", score.specialLiterals());
    to.writeNumberField("passes", score.passes());
    if (score.sharedTokens() > 0) {
      to.writeNumberField("shared_tokens", score.sharedTokens());
    }
    to.writeStringField("layout", ModelConfig.name(score.layout()));
    to.writeStringField("readout", score.readout());
    to.writeStringField("template", score.template());
    to.writeStringField("model", model);
    if (!scored.isFinite()) {
      to.writeNumberField("line", scored.row().line());
      error(to, NonFinite.error(score));
    }
  }

  private static void spread(JsonGenerator to, String of, Spread spread) throws IOException {
    switch (spread) {
      case Spread.None() -> {}
      case Spread.Variance _ -> to.writeFieldName(of + "_variance");
      case Spread.Quantiles _ -> to.writeFieldName(of + "_quantiles");
    }
    spread(to, spread);
  }

  private static void objectiveSpread(JsonGenerator to, List<GroupScore.Objective> objectives)
      throws IOException {
    switch (objectives.getFirst().spread()) {
      case Spread.None() -> {
        return;
      }
      case Spread.Variance _ -> to.writeObjectFieldStart("objective_variances");
      case Spread.Quantiles _ -> to.writeObjectFieldStart("objective_quantiles");
    }
    for (GroupScore.Objective objective : objectives) {
      to.writeFieldName(objective.name());
      spread(to, objective.spread());
    }
    to.writeEndObject();
  }

  private static void spread(JsonGenerator to, Spread spread) throws IOException {
    switch (spread) {
      case Spread.None() -> {}
      case Spread.Variance(List<Float> values) -> numbers(to, values);
      case Spread.Quantiles(List<List<Float>> values) -> {
        to.writeStartArray();
        for (List<Float> quantiles : values) {
          numbers(to, quantiles);
        }
        to.writeEndArray();
      }
    }
  }

  private static void numbers(JsonGenerator to, List<Float> values) throws IOException {
    to.writeStartArray();
    for (float value : values) {
      if (Float.isFinite(value)) {
        to.writeNumber(value);
      } else {
        to.writeNull();
      }
    }
    to.writeEndArray();
  }

  private static void file(JsonGenerator to, String file) throws IOException {
    if (!file.isEmpty()) {
      to.writeStringField("file", file);
    }
  }

  private static void error(JsonGenerator to, RowError error) throws IOException {
    to.writeObjectFieldStart("error");
    to.writeStringField("field", error.field());
    to.writeStringField("found", error.found());
    to.writeStringField("message", error.message());
    to.writeEndObject();
  }

  private static void integers(JsonGenerator to, String name, List<Integer> values)
      throws IOException {
    to.writeArrayFieldStart(name);
    for (int value : values) {
      to.writeNumber(value);
    }
    to.writeEndArray();
  }
}
