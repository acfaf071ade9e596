package dev.gavel.message;

/** Numbers of things, as people write them: 1 row, 2 rows. */
public final class Counted {
  private Counted() {}

  /**
   * A number with its word.
   *
   * @param number how many
   * @param word what, in the singular; its plural ends in s
   */
  public static String of(long number, String word) {
    return number == 1 ? "1 " + word : "%d %ss".formatted(number, word);
  }
}
