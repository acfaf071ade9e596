package dev.gavel.text;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * A small byte-level BPE tokenizer, as decoders have them: the id of a token is its byte, so that
 * every test can say what it expects. Two line ends join, and so do a full stop and two line ends.
 */
final class ByteTokenizer {

  /** Two line ends. */
  static final long LINES = 256;

  /** A full stop and two line ends. */
  static final long STOP_LINES = 257;

  static final long START = 258;
  static final long END = 259;
  static final long SEPARATOR = 260;

  /** An added token that is not special: text may hold it. */
  static final long THINK = 261;

  private static final ObjectMapper JSON = new ObjectMapper();

  private ByteTokenizer() {}

  static Tokenizer load() {
    return Tokenizer.load(json(), Path.of("tokenizer.json"));
  }

  static byte[] json() {
    ObjectNode root = JSON.createObjectNode();
    ArrayNode added = root.put("version", "1.0").putArray("added_tokens");
    add(added, START, "<|start|>", true);
    add(added, END, "<|end|>", true);
    add(added, SEPARATOR, "<|resp_sep|>", true);
    add(added, THINK, "<think>", false);
    ObjectNode bytes = root.putObject("pre_tokenizer").put("type", "ByteLevel");
    bytes.put("add_prefix_space", false).put("trim_offsets", false).put("use_regex", false);
    ObjectNode model = root.putObject("model").put("type", "BPE");
    ObjectNode vocabulary = model.putObject("vocab");
    for (int b = 0; b < 256; b++) {
      vocabulary.put(letter(b), b);
    }
    String line = letter('\n');
    vocabulary.put(line + line, LINES).put("." + line + line, STOP_LINES);
    model.putArray("merges").add(line + " " + line).add(". " + line + line);
    try {
      return JSON.writeValueAsBytes(root);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void add(ArrayNode added, long id, String content, boolean special) {
    ObjectNode token = added.addObject().put("id", id).put("content", content);
    token.put("single_word", false).put("lstrip", false).put("rstrip", false);
    token.put("normalized", false).put("special", special);
  }

  /** The letter that stands for a byte in byte-level vocabularies (Radford et al., GPT-2). */
  private static String letter(int b) {
    boolean printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
    if (printable) {
      return Character.toString(b);
    }
    int others = 0;
    for (int i = 0; i < b; i++) {
      boolean other = i < 33 || (i > 126 && i < 161) || i == 173;
      others += other ? 1 : 0;
    }
    return Character.toString(256 + others);
  }
}
