package dev.gavel.cli.output;

/** Output cannot be written. */
public final class OutputFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final Kind kind;

  /** Whose fault it is. */
  public enum Kind {
    /** What was asked for cannot be, for instance the file exists. */
    USAGE,
    /** The system refuses, for instance the disk is full. */
    SYSTEM,
    /** Nobody reads any more. */
    READER_GONE
  }

  /** Output that cannot be written. */
  public OutputFailure(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /** Output that cannot be written. */
  public OutputFailure(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  /** Whose fault it is. */
  public Kind kind() {
    return kind;
  }
}
