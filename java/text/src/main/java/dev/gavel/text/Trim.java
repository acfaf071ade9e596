package dev.gavel.text;

import dev.gavel.text.jinja.Template;

/**
 * What a chat template strips from the two ends of a text it renders.
 *
 * @param left from its start
 * @param right from its end
 */
record Trim(Kind left, Kind right) {

  static final Trim NOTHING = new Trim(Kind.NOTHING, Kind.NOTHING);

  enum Kind {
    NOTHING,
    LINE_ENDS,
    BLANKS;

    private boolean strips(char c) {
      return switch (this) {
        case NOTHING -> false;
        case LINE_ENDS -> c == '\n';
        case BLANKS -> Template.isBlank(c);
      };
    }
  }

  /** The text without what is stripped from its left, its right or both. */
  String apply(String text, boolean leftEnd, boolean rightEnd) {
    int start = 0;
    int end = text.length();
    while (leftEnd && start < end && left.strips(text.charAt(start))) {
      start++;
    }
    while (rightEnd && end > start && right.strips(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }
}
