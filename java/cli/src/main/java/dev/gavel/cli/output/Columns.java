package dev.gavel.cli.output;

/** Text in the columns of a terminal. */
final class Columns {
  private Columns() {}

  /**
   * The text on one line, safe to print: white space becomes single spaces; control and format
   * characters, which could move the cursor, change colours or turn the direction of writing,
   * become U+FFFD.
   */
  static String oneLine(String text) {
    StringBuilder line = new StringBuilder();
    boolean space = false;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      i += Character.charCount(point);
      if (Character.isWhitespace(point) || Character.isSpaceChar(point)) {
        space = !line.isEmpty();
        continue;
      }
      if (space) {
        line.append(' ');
        space = false;
      }
      line.appendCodePoint(isPrintable(point) ? point : 0xFFFD);
    }
    return line.toString();
  }

  /** The beginning of a line that fits, with an ellipsis where something was left out. */
  static String fit(String line, int columns) {
    int used = 0;
    // Where the line would be cut to leave a column for the ellipsis.
    int cut = 0;
    for (int i = 0; i < line.length(); ) {
      int point = line.codePointAt(i);
      used += width(point);
      i += Character.charCount(point);
      if (used > columns) {
        return line.substring(0, cut) + "…";
      }
      if (used < columns) {
        cut = i;
      }
    }
    return line;
  }

  /** Columns a line takes. */
  static int width(String line) {
    return line.codePoints().map(Columns::width).sum();
  }

  private static int width(int point) {
    return switch (Character.getType(point)) {
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK -> 0;
      default -> isWide(point) ? 2 : 1;
    };
  }

  // The large blocks of Unicode's East_Asian_Width W and F (UAX 11), and emoji.
  private static boolean isWide(int point) {
    return (point >= 0x1100 && point <= 0x115F)
        || (point >= 0x2E80 && point <= 0xA4CF)
        || (point >= 0xAC00 && point <= 0xD7A3)
        || (point >= 0xF900 && point <= 0xFAFF)
        || (point >= 0xFE30 && point <= 0xFE6F)
        || (point >= 0xFF00 && point <= 0xFF60)
        || (point >= 0xFFE0 && point <= 0xFFE6)
        || (point >= 0x1F300 && point <= 0x1F64F)
        || (point >= 0x1F680 && point <= 0x1F6FF)
        || (point >= 0x1F900 && point <= 0x1F9FF)
        || (point >= 0x20000 && point <= 0x3FFFD);
  }

  private static boolean isPrintable(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.UNASSIGNED,
          Character.PRIVATE_USE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
