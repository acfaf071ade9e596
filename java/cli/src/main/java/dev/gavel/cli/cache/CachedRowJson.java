package dev.gavel.cli.cache;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.text.row.RowError;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Rows of a cache as JSON, one line each. docs/caches.md lists the keys. */
final class CachedRowJson {
  private static final String PROMPT = "prompt_sha256";

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private CachedRowJson() {}

  /** A line that is no row of a cache. */
  static final class WrongRowException extends Exception {
    private static final long serialVersionUID = 1L;

    WrongRowException(String message) {
      super(message);
    }
  }

  /** The row, without a line's end. */
  static String write(CachedRow row) {
    ObjectNode node = JSON.createObjectNode();
    node.put("line", row.line()).set("id", row.id());
    if (!row.file().isEmpty()) {
      node.put("file", row.file());
    }
    switch (row) {
      case CachedRow.Failed failed -> {
        failed.prompt().ifPresent(prompt -> node.put(PROMPT, prompt.hex()));
        error(node.putObject("error"), failed.error());
      }
      case CachedRow.Whole whole -> {
        whole.subset().ifPresent(subset -> node.put("subset", subset));
        node.put(PROMPT, whole.prompt().hex());
        integers(node, "lengths", whole.lengths());
        CachedRow.Tokens tokens = whole.tokens();
        integers(node, "tokens", tokens.kept());
        integers(node, "truncated", tokens.cut());
        node.put("prompt_tokens", tokens.prompt()).put("prompt_truncated", tokens.promptCut());
        node.put("special_literals", tokens.specialLiterals()).put("passes", tokens.passes());
        node.put("shared_tokens", tokens.shared());
        whole.labels().ifPresent(labels -> labels.forEach(node.withArray("labels")::add));
        whole.withoutLabels().ifPresent(error -> error(node.putObject("without_labels"), error));
      }
    }
    return node.toString();
  }

  /** Reads what {@link #write} wrote. */
  static CachedRow read(String text) throws WrongRowException {
    JsonNode node;
    try {
      node = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new WrongRowException("is not JSON: " + e.getOriginalMessage());
    }
    long line = whole(node, "line", Long.MAX_VALUE);
    JsonNode id = node.path("id");
    if (!id.isTextual() && !id.isIntegralNumber() && !id.isNull()) {
      throw new WrongRowException("has no id");
    }
    String file = node.path("file").asText("");
    Optional<RowError> failed = error(node, "error");
    Optional<PromptHash> prompt = PromptHash.parse(node.path(PROMPT).asText());
    if (failed.isPresent()) {
      if (prompt.isEmpty() && node.has(PROMPT)) {
        throw new WrongRowException("has a %s that is no hash".formatted(PROMPT));
      }
      return new CachedRow.Failed(line, id, file, prompt, failed.get());
    }
    List<Integer> lengths = integers(node, "lengths", -1);
    int responses = lengths.size();
    if (responses == 0) {
      throw new WrongRowException("has neither responses nor an error");
    }
    return new CachedRow.Whole(
        line,
        id,
        file,
        Optional.ofNullable(node.get("subset")).map(JsonNode::asText),
        prompt.orElseThrow(() -> new WrongRowException("has no " + PROMPT)),
        lengths,
        new CachedRow.Tokens(
            integers(node, "tokens", responses),
            integers(node, "truncated", responses),
            (int) whole(node, "prompt_tokens", Integer.MAX_VALUE),
            (int) whole(node, "prompt_truncated", Integer.MAX_VALUE),
            (int) whole(node, "special_literals", Integer.MAX_VALUE),
            (int) whole(node, "passes", Integer.MAX_VALUE),
            (int) whole(node, "shared_tokens", Integer.MAX_VALUE)),
        labels(node, responses),
        error(node, "without_labels"));
  }

  private static void integers(ObjectNode node, String name, List<Integer> values) {
    ArrayNode array = node.putArray(name);
    values.forEach(array::add);
  }

  private static void error(ObjectNode node, RowError error) {
    node.put("field", error.field()).put("found", error.found()).put("message", error.message());
  }

  private static Optional<RowError> error(JsonNode node, String name) throws WrongRowException {
    JsonNode error = node.path(name);
    if (error.isMissingNode()) {
      return Optional.empty();
    }
    if (!error.path("message").isTextual()) {
      throw new WrongRowException("has an %s without a message".formatted(name));
    }
    return Optional.of(
        new RowError(
            error.path("field").asText(),
            error.path("found").asText(),
            error.path("message").asText()));
  }

  private static long whole(JsonNode node, String name, long most) throws WrongRowException {
    return number(node.path(name), name, most);
  }

  private static long number(JsonNode value, String name, long most) throws WrongRowException {
    if (!value.isIntegralNumber()
        || !value.canConvertToLong()
        || value.longValue() < 0
        || value.longValue() > most) {
      throw new WrongRowException("has no whole number of 0 or more in " + name);
    }
    return value.longValue();
  }

  // Any number of them where `count` is negative.
  private static List<Integer> integers(JsonNode node, String name, int count)
      throws WrongRowException {
    JsonNode array = node.path(name);
    if (!array.isArray() || (count >= 0 && array.size() != count)) {
      throw new WrongRowException("has no list %s of one number per response".formatted(name));
    }
    List<Integer> values = new ArrayList<>(array.size());
    for (JsonNode value : array) {
      values.add((int) number(value, name, Integer.MAX_VALUE));
    }
    return values;
  }

  private static Optional<List<Double>> labels(JsonNode node, int responses)
      throws WrongRowException {
    JsonNode array = node.path("labels");
    if (array.isMissingNode()) {
      return Optional.empty();
    }
    List<Double> values = new ArrayList<>();
    for (JsonNode value : array) {
      if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
        throw new WrongRowException("has a label that is no finite number");
      }
      values.add(value.doubleValue());
    }
    if (values.size() != responses) {
      throw new WrongRowException(
          "has %d labels for %d responses".formatted(values.size(), responses));
    }
    return Optional.of(values);
  }
}
