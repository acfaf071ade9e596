package dev.gavel.text;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The special tokens of a tokenizer and their literals, such as {@code [SEP]}: finds them in text,
 * where a layout means them, and takes text apart inside them, where a row's text must not place
 * them.
 */
final class SpecialTokens {

  /**
   * A special token.
   *
   * @param literal its text
   * @param id its id
   * @param exact whether it stands for itself only: the tokenizer library neither normalises it nor
   *     lets it swallow blanks around it
   */
  record Special(String literal, long id, boolean exact) {}

  private final List<Special> byLength;
  private final Map<Long, Special> byId;
  private final Optional<String> unknown;

  /**
   * The special tokens of a tokenizer.
   *
   * @param special all of them
   * @param unknown literal of the token that the model itself gives for what it does not know
   */
  SpecialTokens(List<Special> special, Optional<String> unknown) {
    this.byLength =
        special.stream()
            .sorted(Comparator.comparingInt((Special s) -> s.literal().length()).reversed())
            .toList();
    this.byId =
        special.stream()
            .collect(
                java.util.stream.Collectors.toUnmodifiableMap(
                    Special::id, s -> s, (first, second) -> first));
    this.unknown = unknown;
  }

  /**
   * A special token found in a text.
   *
   * @param start its first character
   * @param special which
   */
  record Found(int start, Special special) {
    int end() {
      return start + special.literal().length();
    }
  }

  /** The literals in {@code text} from left to right, the longest first, none inside another. */
  List<Found> find(String text) {
    List<Found> found = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      Optional<Special> here = longestAt(text, at);
      if (here.isPresent()) {
        found.add(new Found(at, here.get()));
        at += here.get().literal().length();
      } else {
        at++;
      }
    }
    return found;
  }

  /**
   * A text in pieces.
   *
   * @param texts pieces in order, none with a literal in it; joined, they are the text
   * @param literals how many literals were taken apart
   */
  record Pieces(List<String> texts, int literals) {}

  /**
   * Takes a text apart after the first character of every literal in it, those that overlap another
   * included.
   */
  Pieces takeApart(String text) {
    List<String> pieces = new ArrayList<>();
    int from = 0;
    int literals = 0;
    for (int at = 0; at < text.length(); at++) {
      if (longestAt(text, at).isPresent()) {
        int cut = text.offsetByCodePoints(at, 1);
        pieces.add(text.substring(from, cut));
        from = cut;
        literals++;
      }
    }
    pieces.add(text.substring(from));
    return new Pieces(pieces, literals);
  }

  /** The special token with this id, unless a tokenizer may give it for plain text. */
  Optional<Special> forbidden(long id) {
    return Optional.ofNullable(byId.get(id))
        .filter(special -> !unknown.equals(Optional.of(special.literal())));
  }

  private Optional<Special> longestAt(String text, int at) {
    for (Special special : byLength) {
      if (text.startsWith(special.literal(), at)) {
        return Optional.of(special);
      }
    }
    return Optional.empty();
  }
}
