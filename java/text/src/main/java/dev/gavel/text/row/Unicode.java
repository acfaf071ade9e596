package dev.gavel.text.row;

/** Code points of texts. */
public final class Unicode {
  private Unicode() {}

  /** Position of the first half of a surrogate pair that has no other half, or -1. */
  public static int unpaired(String text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (Character.isHighSurrogate(unit)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(unit)) {
        return i;
      }
    }
    return -1;
  }

  /** The text with U+FFFD in place of every unpaired surrogate, which no UTF-8 can hold. */
  public static String mend(String text) {
    int at = unpaired(text);
    if (at < 0) {
      return text;
    }
    StringBuilder mended = new StringBuilder(text);
    while (at >= 0) {
      mended.setCharAt(at, '\uFFFD');
      at = unpaired(mended.toString());
    }
    return mended.toString();
  }

  /** The first code points of a text, with an ellipsis as the last where it is longer. */
  public static String head(String text, int most) {
    if (text.length() <= most || text.codePointCount(0, text.length()) <= most) {
      return text;
    }
    return text.substring(0, text.offsetByCodePoints(0, most - 1)) + "…";
  }

  /** Number of code points. */
  public static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
