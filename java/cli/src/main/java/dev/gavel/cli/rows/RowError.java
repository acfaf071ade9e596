package dev.gavel.cli.rows;

/**
 * What is wrong with a row.
 *
 * @param field the field it is about, for instance {@code responses[2]}, or {@code line} where the
 *     row is no JSON object
 * @param found what was found there, shortened
 * @param message what was found and what to do, for people
 */
public record RowError(String field, String found, String message) {
  private static final int LONGEST_FOUND = 80;

  /** Shortens and mends what was found, so that it can be written as JSON. */
  public RowError {
    found = Unicode.head(Unicode.mend(found), LONGEST_FOUND);
    message = Unicode.mend(message);
  }
}
