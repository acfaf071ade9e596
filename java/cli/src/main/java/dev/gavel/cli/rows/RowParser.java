package dev.gavel.cli.rows;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.gavel.text.row.BadRowException;
import dev.gavel.text.row.RowError;
import dev.gavel.text.row.RowTexts;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads rows: JSON objects {@code {"id", "prompt" or "messages", "responses"}} or {@code {"id",
 * "prompt" or "messages", "chosen", "rejected"}}, which is the same as responses [chosen,
 * rejected]; either may be a list of texts. A response may be a list of its steps. Keys that are
 * not known are ignored, a key may stand once, and null is as if the key were not there. See
 * docs/command-line.md.
 */
public final class RowParser {
  /** Deepest nesting of arrays and objects in a row. */
  static final int DEEPEST = 32;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(DEEPEST)
                          .maxStringLength(LineReader.LONGEST)
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final boolean withLabels;

  private RowParser(boolean withLabels) {
    this.withLabels = withLabels;
  }

  /** Reads texts only; {@code scores} and {@code rankings} are ignored. */
  public static RowParser ofTexts() {
    return new RowParser(false);
  }

  /** Reads what people prefer, too: every row must say. */
  public static RowParser ofPreferences() {
    return new RowParser(true);
  }

  /** Reads a line. */
  public ParsedRow parse(Line line) {
    return switch (line) {
      case Line.Unreadable(long number, RowError error) ->
          new ParsedRow.Bad(number, JsonNodeFactory.instance.nullNode(), error);
      case Line.Text(long number, String text) -> parse(number, text);
    };
  }

  private ParsedRow parse(long line, String text) {
    JsonNode id = JsonNodeFactory.instance.nullNode();
    try {
      JsonNode object = object(text);
      Fields fields = new Fields(object);
      id = id(fields, line);
      PromptField prompt = PromptField.read(fields);
      Optional<String> subset =
          fields.optional("subset").isPresent()
              ? Optional.of(fields.text("subset"))
              : Optional.empty();
      boolean pair = isPair(fields);
      List<List<String>> steps = pair ? List.of() : Steps.read(fields);
      List<String> responses =
          steps.isEmpty()
              ? responses(fields, pair)
              : steps.stream().map(response -> String.join("\n", response)).toList();
      Optional<List<Double>> labels =
          withLabels ? Optional.of(Labels.read(fields, responses.size())) : Optional.empty();
      return new ParsedRow.Good(
          new Row(line, id, prompt.prompt(), prompt.text(), responses, subset, labels, steps));
    } catch (BadRowException e) {
      return new ParsedRow.Bad(line, id, e.error());
    }
  }

  private static JsonNode object(String text) throws BadRowException {
    JsonNode node;
    try {
      node = JSON.readTree(text);
    } catch (StreamConstraintsException e) {
      throw new BadRowException(
          "line",
          text,
          "the line is not a row: it nests lists and objects more than %d deep, or has a number of more than 1000 digits"
              .formatted(DEEPEST));
    } catch (JsonProcessingException e) {
      // Not the column, which a carriage return inside the line would begin anew.
      long place = e.getLocation() == null ? 0 : e.getLocation().getCharOffset() + 1;
      throw new BadRowException(
          "line", text, "the line is not a row: %s (character %d)".formatted(reason(e), place));
    }
    if (!node.isObject()) {
      throw new BadRowException(
          "line",
          text,
          "the line holds %s; a row is a JSON object on one line".formatted(Fields.kind(node)));
    }
    return node;
  }

  // The parser adds where things began, and names classes and settings of its own.
  private static String reason(JsonProcessingException e) {
    String message = e.getOriginalMessage().lines().findFirst().orElse("");
    return message
        .replaceFirst(" \\((?:start marker at|of type|not recognized as one) .*", "")
        .replaceFirst("^Non-standard token ('.*?').*", "JSON has no number $1");
  }

  private static JsonNode id(Fields fields, long line) throws BadRowException {
    Optional<JsonNode> given = fields.optional("id");
    if (given.isEmpty()) {
      return JsonNodeFactory.instance.numberNode(line);
    }
    JsonNode id = given.get();
    if (id.isTextual()) {
      RowTexts.requirePaired("id", id.asText());
    } else if (!id.isIntegralNumber()) {
      throw new BadRowException(
          "id",
          id.toString(),
          "id is %s; it must be text or a whole number".formatted(Fields.kind(id)));
    }
    return id;
  }

  private static boolean isPair(Fields fields) throws BadRowException {
    boolean pair = fields.optional("chosen").isPresent() || fields.optional("rejected").isPresent();
    if (pair && fields.optional("responses").isPresent()) {
      throw new BadRowException(
          "responses",
          "responses beside chosen or rejected",
          "the row has responses and chosen or rejected; keep one form");
    }
    return pair;
  }

  private static List<String> responses(Fields fields, boolean pair) throws BadRowException {
    if (pair) {
      List<String> texts = new ArrayList<>(fields.contents("chosen"));
      texts.addAll(fields.contents("rejected"));
      return texts;
    }
    JsonNode given =
        fields
            .optional("responses")
            .orElseThrow(() ->
                new BadRowException(
                    "responses",
                    fields.names(),
                    "responses is missing; give a list of texts, or chosen and rejected"));
    if (!given.isArray()) {
      throw new BadRowException(
          "responses",
          given.toString(),
          "responses is %s; it must be a list of texts".formatted(Fields.kind(given)));
    }
    return fields.contents("responses");
  }
}
