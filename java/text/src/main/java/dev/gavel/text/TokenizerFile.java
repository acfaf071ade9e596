package dev.gavel.text;

import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gavel.FormatException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a {@code tokenizer.json} says of its added tokens, which the tokenizer library does not
 * tell.
 *
 * @param addedTokens id by literal, special ones and others
 * @param special the special tokens
 * @param continuing where the tokenizer puts a blank in front of what begins a text and nothing
 *     else: the file of the same tokenizer without that blank, for texts behind another
 */
record TokenizerFile(
    Map<String, Long> addedTokens, SpecialTokens special, Optional<String> continuing) {

  private static final ObjectMapper JSON =
      JsonMapper.builder(
              com.fasterxml.jackson.core.JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(100).build())
                  .build())
          .build();

  static TokenizerFile parse(byte[] content, Path name) {
    JsonNode root;
    try {
      root = JSON.readTree(content);
    } catch (IOException e) {
      throw new FormatException(name, "is not JSON: " + e.getMessage(), e);
    }
    JsonNode model = root.path("model");
    if (!model.isObject()) {
      throw new FormatException(
          name, "has no object \"model\"; a Hugging Face tokenizer.json was expected");
    }
    Map<String, Long> added = new LinkedHashMap<>();
    List<SpecialTokens.Special> special = new ArrayList<>();
    for (JsonNode token : root.path("added_tokens")) {
      String literal = token.path("content").asText("");
      if (literal.isEmpty() || !token.path("id").isIntegralNumber()) {
        throw new FormatException(
            name, "has an added token without content or id: %s".formatted(token));
      }
      long id = token.path("id").asLong();
      if (added.put(literal, id) != null) {
        throw new FormatException(name, "has the added token %s twice".formatted(literal));
      }
      if (token.path("special").asBoolean()) {
        special.add(new SpecialTokens.Special(literal, id, isExact(token)));
      }
    }
    return new TokenizerFile(
        Map.copyOf(added), new SpecialTokens(special, unknown(model)), continuing(root));
  }

  /** Changes the tree, of which nothing else is read any more. */
  private static Optional<String> continuing(JsonNode root) {
    boolean changed = false;
    for (JsonNode scheme : root.path("pre_tokenizer").findParents("prepend_scheme")) {
      if (scheme.path("prepend_scheme").asText().equals("first")) {
        ((ObjectNode) scheme).put("prepend_scheme", "never");
        changed = true;
      }
    }
    return changed ? Optional.of(root.toString()) : Optional.empty();
  }

  private static boolean isExact(JsonNode token) {
    return !token.path("lstrip").asBoolean()
        && !token.path("rstrip").asBoolean()
        && !token.path("single_word").asBoolean()
        && !token.path("normalized").asBoolean();
  }

  /** WordPiece and BPE name their unknown token, Unigram has its place in the vocabulary. */
  private static Optional<String> unknown(JsonNode model) {
    if (model.path("unk_token").isTextual()) {
      return Optional.of(model.path("unk_token").asText());
    }
    JsonNode entry = model.path("vocab").path(model.path("unk_id").asInt(-1)).path(0);
    return Optional.of(entry).filter(JsonNode::isTextual).map(JsonNode::asText);
  }
}
