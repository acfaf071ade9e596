package dev.gavel.text.jinja;

/**
 * A template that cannot be parsed or rendered: broken syntax, an operation Python would refuse, a
 * construct this renderer does not know, or the template's own {@code raise_exception}.
 */
public final class JinjaException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final boolean raisedByTemplate;
  private final boolean located;

  private JinjaException(String message, boolean raisedByTemplate, boolean located) {
    super(message);
    this.raisedByTemplate = raisedByTemplate;
    this.located = located;
  }

  /** An operation that Python or Jinja refuses too. */
  static JinjaException error(String message) {
    return new JinjaException(message, false, false);
  }

  /** A construct that Jinja has and this renderer does not. */
  static JinjaException unsupported(String what) {
    return new JinjaException(
        what + " is part of Jinja but not supported here; rewrite the template without it",
        false,
        false);
  }

  /** The template called {@code raise_exception}. */
  static JinjaException raised(String message) {
    return new JinjaException(message, true, false);
  }

  /** The same error with the line in front of it, unless an inner place has put one there. */
  JinjaException atLine(int line) {
    if (located) {
      return this;
    }
    JinjaException result =
        new JinjaException("line " + line + ": " + getMessage(), raisedByTemplate, true);
    result.setStackTrace(getStackTrace());
    return result;
  }

  /** Whether the template itself refused the conversation, with {@code raise_exception}. */
  public boolean raisedByTemplate() {
    return raisedByTemplate;
  }
}
