package dev.gavel.text.row;

/** What texts of a row must be, wherever the row comes from. */
public final class RowTexts {
  private RowTexts() {}

  /**
   * A text that says something.
   *
   * @param field where it stands in the row, for instance {@code responses[2]}
   * @throws BadRowException if it does not, or is no valid Unicode
   */
  public static String content(String field, String text) throws BadRowException {
    requirePaired(field, text);
    if (text.isBlank()) {
      throw new BadRowException(
          field,
          text.isEmpty() ? "an empty text" : "only white space",
          "%s says nothing; it must hold some text".formatted(field));
    }
    return text;
  }

  /**
   * Refuses half of a surrogate pair.
   *
   * @param field where the text stands in the row
   * @throws BadRowException if there is one
   */
  public static void requirePaired(String field, String text) throws BadRowException {
    int at = Unicode.unpaired(text);
    if (at >= 0) {
      throw new BadRowException(
          field,
          "U+%04X".formatted((int) text.charAt(at)),
          "%s has an unpaired surrogate, U+%04X, at character %d; it is not valid Unicode: mend the source"
              .formatted(field, (int) text.charAt(at), at));
    }
  }
}
