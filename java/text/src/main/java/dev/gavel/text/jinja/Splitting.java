package dev.gavel.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** {@code str.split}, {@code str.rsplit} and {@code str.splitlines}. */
final class Splitting {

  private Splitting() {}

  /**
   * The parts of {@code text}.
   *
   * @param separator what to split at, or empty for runs of whitespace
   * @param limit the largest number of splits, or negative for no limit
   * @param fromLeft whether the limit counts from the left
   */
  static List<String> split(String text, Optional<String> separator, long limit, boolean fromLeft) {
    long splits = limit < 0 ? Long.MAX_VALUE : limit;
    if (separator.isEmpty()) {
      return fromLeft ? words(text, splits) : wordsFromRight(text, splits);
    }
    String at = separator.get();
    if (at.isEmpty()) {
      throw JinjaException.error("the separator of a split is empty");
    }
    List<String> parts = new ArrayList<>();
    if (fromLeft) {
      int start = 0;
      for (int i = text.indexOf(at); i >= 0 && parts.size() < splits; i = text.indexOf(at, start)) {
        parts.add(text.substring(start, i));
        start = i + at.length();
      }
      parts.add(text.substring(start));
    } else {
      int end = text.length();
      for (int i = lastIndex(text, at, end);
          i >= 0 && parts.size() < splits;
          i = lastIndex(text, at, end)) {
        parts.add(text.substring(i + at.length(), end));
        end = i;
      }
      parts.add(text.substring(0, end));
      Collections.reverse(parts);
    }
    return parts;
  }

  private static int lastIndex(String text, String part, int end) {
    return end < part.length() ? -1 : text.lastIndexOf(part, end - part.length());
  }

  private static List<String> words(String text, long splits) {
    List<String> parts = new ArrayList<>();
    int start = Text.skipBlank(text, 0);
    while (start < text.length()) {
      if (parts.size() == splits) {
        parts.add(text.substring(start)); // the rest keeps its trailing whitespace
        return parts;
      }
      int end = start;
      while (end < text.length() && !Text.isSpace(text.charAt(end))) {
        end++;
      }
      parts.add(text.substring(start, end));
      start = Text.skipBlank(text, end);
    }
    return parts;
  }

  private static List<String> wordsFromRight(String text, long splits) {
    List<String> parts = new ArrayList<>();
    int end = Text.stripRight(text).length();
    while (end > 0) {
      if (parts.size() == splits) {
        parts.add(text.substring(0, end));
        break;
      }
      int start = end;
      while (start > 0 && !Text.isSpace(text.charAt(start - 1))) {
        start--;
      }
      parts.add(text.substring(start, end));
      end = Text.stripRight(text.substring(0, start)).length();
    }
    Collections.reverse(parts);
    return parts;
  }

  /** The lines of {@code text}, at every line boundary Python knows. */
  static List<String> lines(String text, boolean keepEnds) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      if (!isLineBreak(text.charAt(i))) {
        continue;
      }
      int next = text.startsWith("\r\n", i) ? i + 2 : i + 1;
      lines.add(text.substring(start, keepEnds ? next : i));
      start = next;
      i = next - 1;
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }

  private static boolean isLineBreak(char c) {
    return (c >= 0x0a && c <= 0x0d)
        || (c >= 0x1c && c <= 0x1e)
        || c == 0x85
        || c == 0x2028
        || c == 0x2029;
  }
}
