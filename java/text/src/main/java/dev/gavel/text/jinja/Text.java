package dev.gavel.text.jinja;

import java.util.HexFormat;
import java.util.Optional;
import java.util.function.IntPredicate;

/** Python's idea of whitespace and of string escapes. */
final class Text {

  private Text() {}

  /** {@code str.isspace} of one character; all of Python's whitespace is in the first plane. */
  static boolean isSpace(int c) {
    return (c >= 0x09 && c <= 0x0d)
        || (c >= 0x1c && c <= 0x20)
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  static boolean isBlank(String text) {
    return skipBlank(text, 0) == text.length();
  }

  /** The first position at or after {@code from} that is not whitespace. */
  static int skipBlank(String text, int from) {
    int i = from;
    while (i < text.length() && isSpace(text.charAt(i))) {
      i++;
    }
    return i;
  }

  static String stripLeft(String text) {
    return text.substring(skipBlank(text, 0));
  }

  static String stripRight(String text) {
    int end = text.length();
    while (end > 0 && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  /** {@code str.strip} and its two halves: of {@code chars}, or of whitespace when it is empty. */
  static String strip(String text, Optional<String> chars, boolean left, boolean right) {
    IntPredicate strips =
        chars.<IntPredicate>map(set -> c -> set.indexOf(c) >= 0).orElse(Text::isSpace);
    int start = 0;
    int end = text.length();
    while (left && start < end && strips.test(text.codePointAt(start))) {
      start += Character.charCount(text.codePointAt(start));
    }
    while (right && start < end && strips.test(text.codePointBefore(end))) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(start, end);
  }

  /** {@code str.replace}: at most {@code count} replacements, or all when it is negative. */
  static String replace(String text, String old, String replacement, long count) {
    if (count == 0) {
      return text;
    }
    if (old.isEmpty()) {
      throw JinjaException.unsupported("replacing the empty string");
    }
    long found = count(text, old);
    long done = count < 0 ? found : Math.min(count, found);
    Limits.checkLength(text.length() + done * replacement.length());
    StringBuilder out = new StringBuilder(text.length());
    int start = 0;
    for (long i = 0; i < done; i++) {
      int at = text.indexOf(old, start);
      out.append(text, start, at).append(replacement);
      start = at + old.length();
    }
    return out.append(text, start, text.length()).toString();
  }

  /** {@code str.count}: occurrences that do not overlap. */
  static long count(String text, String part) {
    if (part.isEmpty()) {
      return text.codePointCount(0, text.length()) + 1L;
    }
    long count = 0;
    for (int i = text.indexOf(part); i >= 0; i = text.indexOf(part, i + part.length())) {
      count++;
    }
    return count;
  }

  /** The value of a string literal's inside, as Python's {@code unicode-escape} decodes it. */
  static String unescape(String raw, int line) {
    if (raw.indexOf('\\') < 0) {
      return raw;
    }
    StringBuilder out = new StringBuilder(raw.length());
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char escape = raw.charAt(++i); // the lexer never ends a string on a backslash
      switch (escape) {
        case '\n' -> {}
        case '\\', '\'', '"' -> out.append(escape);
        case 'a' -> out.append('\007');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'n' -> out.append('\n');
        case 'r' -> out.append('\r');
        case 't' -> out.append('\t');
        case 'v' -> out.append('\013');
        case 'x' -> i = hex(raw, i, 2, out, line);
        case 'u' -> i = hex(raw, i, 4, out, line);
        case 'U' -> i = hex(raw, i, 8, out, line);
        case 'N' ->
            throw JinjaException.unsupported("a named character escape \\N{...}").atLine(line);
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int end = i;
          while (end < raw.length()
              && end < i + 3
              && raw.charAt(end) >= '0'
              && raw.charAt(end) <= '7') {
            end++;
          }
          out.appendCodePoint(Integer.parseInt(raw.substring(i, end), 8));
          i = end - 1;
        }
        default -> {
          if (escape > 0x7f) {
            // Jinja turns such a pair into a backslash and the text "xe9": nobody means that.
            throw JinjaException.error("a backslash before the character '" + escape + "'")
                .atLine(line);
          }
          out.append('\\').append(escape); // Python keeps an unknown escape as it is
        }
      }
    }
    return out.toString();
  }

  private static int hex(String raw, int at, int digits, StringBuilder out, int line) {
    int end = at + 1 + digits;
    long value = -1;
    if (end <= raw.length() && raw.substring(at + 1, end).chars().allMatch(HexFormat::isHexDigit)) {
      value = HexFormat.fromHexDigitsToLong(raw, at + 1, end);
    }
    if (value < 0 || value > Character.MAX_CODE_POINT) {
      throw JinjaException.error(
              "the escape \\" + raw.charAt(at) + " needs " + digits + " hexadecimal digits")
          .atLine(line);
    }
    if (value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE) {
      throw JinjaException.error(
              "the escape \\u"
                  + raw.substring(at + 1, end)
                  + " is one half of a surrogate pair; write the character itself or \\U with 8"
                  + " digits")
          .atLine(line);
    }
    out.appendCodePoint((int) value);
    return end - 1;
  }
}
