package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Token.Kind;
import java.util.List;

/** The tokens of a template with a place in them; shared by the two halves of the parser. */
final class TokenStream {

  // Deeper nesting than any template needs, shallow enough for a small thread stack.
  private static final int MAX_DEPTH = 100;

  private final List<Token> tokens;
  private int at;
  private int depth;

  TokenStream(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(at);
  }

  Token following() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = tokens.get(at);
    if (at < tokens.size() - 1) {
      at++;
    }
    return token;
  }

  boolean at(Kind kind) {
    return current().kind() == kind;
  }

  boolean skipName(String name) {
    return skip(current().isName(name));
  }

  boolean skipOperator(String operator) {
    return skip(current().isOperator(operator));
  }

  private boolean skip(boolean matches) {
    if (matches) {
      next();
    }
    return matches;
  }

  Token expect(Kind kind, String described) {
    if (!at(kind)) {
      throw fail("expected " + described + ", found " + current().described());
    }
    return next();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw fail("expected '" + operator + "', found " + current().described());
    }
  }

  JinjaException fail(String message) {
    return JinjaException.error(message).atLine(current().line());
  }

  JinjaException unsupported(String what) {
    return JinjaException.unsupported(what).atLine(current().line());
  }

  /** Counts one level of nesting, so that a hostile template cannot exhaust the stack. */
  void enter() {
    if (++depth > MAX_DEPTH) {
      throw fail("the template is nested more than " + MAX_DEPTH + " levels deep");
    }
  }

  void leave() {
    depth--;
  }
}
