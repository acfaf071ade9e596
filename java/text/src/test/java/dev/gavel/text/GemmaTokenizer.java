package dev.gavel.text;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A tokenizer of ASCII characters with the ids that Gemma 2 has for the header of an answer, {@code
 * <end_of_turn> \n <start_of_turn> model \n}: 107, 108, 106, 2516, 108.
 */
final class GemmaTokenizer {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FIRST = 200;

  private GemmaTokenizer() {}

  /** Id of a character. */
  static long id(char letter) {
    return letter == '\n' ? 108 : FIRST + letter;
  }

  static byte[] json() {
    ObjectNode root = JSON.createObjectNode();
    ArrayNode added = root.put("version", "1.0").putArray("added_tokens");
    add(added, 106, "<start_of_turn>");
    add(added, 107, "<end_of_turn>");
    ObjectNode model = root.putObject("model").put("type", "BPE");
    ObjectNode vocabulary = model.putObject("vocab");
    for (char letter = 0; letter < 128; letter++) {
      vocabulary.put(Character.toString(letter), id(letter));
    }
    vocabulary.put("<start_of_turn>", 106).put("<end_of_turn>", 107);
    vocabulary.put("mo", 400).put("mod", 401).put("mode", 402).put("model", 2516);
    model.putArray("merges").add("m o").add("mo d").add("mod e").add("mode l");
    try {
      return JSON.writeValueAsBytes(root);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void add(ArrayNode added, long id, String content) {
    ObjectNode token = added.addObject().put("id", id).put("content", content);
    token.put("single_word", false).put("lstrip", false).put("rstrip", false);
    token.put("normalized", false).put("special", true);
  }
}
