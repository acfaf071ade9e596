package dev.gavel.text;

/** The head of a text, as messages quote it. */
final class Excerpt {

  private static final int LENGTH = 40;

  private Excerpt() {}

  static String of(String text) {
    String line = text.replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0");
    if (line.codePointCount(0, line.length()) <= LENGTH) {
      return line;
    }
    return line.substring(0, line.offsetByCodePoints(0, LENGTH)) + "...";
  }
}
