package dev.gavel.text.jinja;

import java.util.Locale;

/** Upper, lower and title case as Python's {@code str} has them. */
final class Case {

  private Case() {}

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  /** {@code str.title}: a letter after a letter is lower case, any other is title case. */
  static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    boolean afterCased = false;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      out.append(afterCased ? lowerOne(c) : titleOne(c));
      afterCased = isCased(c);
      i += Character.charCount(c);
    }
    return out.toString();
  }

  /** {@code str.capitalize}: the first character in title case, the others in lower case. */
  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.codePointAt(0);
    StringBuilder out = new StringBuilder(titleOne(first));
    text.codePoints().skip(1).forEach(c -> out.append(lowerOne(c)));
    return out.toString();
  }

  private static String lowerOne(int c) {
    if (c == 'Σ') {
      // Its lower case depends on whether a word ends there; the surrounding text would be needed.
      throw JinjaException.unsupported("title case or capitalize of a word with a capital sigma");
    }
    return lower(Character.toString(c));
  }

  private static String titleOne(int c) {
    String upper = upper(Character.toString(c));
    if (upper.codePointCount(0, upper.length()) == 1) {
      return Character.toString(Character.toTitleCase(c));
    }
    boolean ligature = c == 'ß' || c == 'և' || (c >= 0xfb00 && c <= 0xfb17);
    if (!ligature) {
      throw JinjaException.unsupported("title case of the character U+" + String.format("%04X", c));
    }
    int head = upper.offsetByCodePoints(0, 1);
    return upper.substring(0, head) + lower(upper.substring(head));
  }

  private static boolean isCased(int c) {
    return Character.isLowerCase(c) || Character.isUpperCase(c) || Character.isTitleCase(c);
  }

  static boolean isUpper(String text) {
    return text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c))
        && text.codePoints().anyMatch(Character::isUpperCase);
  }

  static boolean isLower(String text) {
    return text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c))
        && text.codePoints().anyMatch(Character::isLowerCase);
  }

  /** {@code str.isalnum} of one character: letters and all three kinds of number. */
  static boolean isAlphanumeric(int c) {
    return Character.isLetterOrDigit(c) || isOtherNumber(c) || isLetterNumber(c);
  }

  /** {@code str.isdigit} of one character. */
  static boolean isDigit(int c) {
    if (isOtherNumber(c)) {
      // Superscript two is a digit for Python and one half is not; Java does not tell them apart.
      throw JinjaException.unsupported("isdigit of the character " + Character.toString(c));
    }
    return Character.isDigit(c);
  }

  private static boolean isOtherNumber(int c) {
    return Character.getType(c) == Character.OTHER_NUMBER;
  }

  private static boolean isLetterNumber(int c) {
    return Character.getType(c) == Character.LETTER_NUMBER;
  }
}
