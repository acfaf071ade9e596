package dev.gavel.text;

import dev.gavel.GavelException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Finds the literals of special tokens in a text and takes the text apart inside each, after its
 * first character, so that a tokenizer that looks for literals finds none.
 */
final class SpecialText {
  private final Map<Long, String> special;
  private final List<String> literals;
  private final String unknown;

  /**
   * The special tokens of a tokenizer.
   *
   * @param special literal by id
   * @param unknown literal of the token that stands for characters the vocabulary lacks, or empty;
   *     it may come out of plain text
   */
  SpecialText(Map<Long, String> special, String unknown) {
    this.special = Map.copyOf(special);
    this.unknown = unknown;
    this.literals = this.special.values().stream().sorted().toList();
  }

  /**
   * A text in pieces.
   *
   * @param texts pieces in order; joined, they are the text
   * @param literals how many literals were taken apart
   */
  record Pieces(List<String> texts, int literals) {}

  Pieces cut(String text) {
    List<String> pieces = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      if (literalAt(text, i)) {
        int cut = text.offsetByCodePoints(i, 1);
        pieces.add(text.substring(from, cut));
        from = cut;
      }
    }
    int found = pieces.size();
    pieces.add(text.substring(from));
    return new Pieces(pieces, found);
  }

  /** Throws if a special id came out of plain text after all: it would move every later score. */
  void requireNone(Tokens ids) {
    for (int i = 0; i < ids.size(); i++) {
      String literal = special.get(ids.id(i));
      if (literal != null && !literal.equals(unknown)) {
        throw new GavelException(
            "the text holds special token %s in a form that cannot be read as plain text; take it out"
                .formatted(literal));
      }
    }
  }

  private boolean literalAt(String text, int at) {
    for (String literal : literals) {
      if (text.startsWith(literal, at)) {
        return true;
      }
    }
    return false;
  }
}
