package dev.gavel.text.jinja;

/**
 * One token of a template: template data, a delimiter, or a word of an expression.
 *
 * @param kind what it is
 * @param text the data, the name, the operator's characters, the digits, or the unescaped string
 * @param line the line it starts on, counted from 1
 */
record Token(Kind kind, String text, int line) {

  enum Kind {
    DATA,
    BLOCK_BEGIN,
    BLOCK_END,
    VARIABLE_BEGIN,
    VARIABLE_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  /** The token as an error message quotes it. */
  String described() {
    return switch (kind) {
      case END -> "the end of the template";
      case BLOCK_END -> "'%}'";
      case VARIABLE_END -> "'}}'";
      case STRING -> "the string " + Repr.repr(text);
      default -> "'" + text + "'";
    };
  }
}
