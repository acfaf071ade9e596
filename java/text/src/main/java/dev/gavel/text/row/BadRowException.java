package dev.gavel.text.row;

/** A row cannot be used; the run goes on with the next. */
public final class BadRowException extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient RowError error;

  /** A row that cannot be used. */
  public BadRowException(RowError error) {
    super(error.sentence());
    this.error = error;
  }

  /** A row that cannot be used. */
  public BadRowException(String field, String found, String message) {
    this(new RowError(field, found, message));
  }

  /** What is wrong. */
  public RowError error() {
    return error;
  }
}
