package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens as {@code jinja2.lexer} does with {@code trim_blocks} and {@code
 * lstrip_blocks} on, {@code keep_trailing_newline} off and no line statements.
 *
 * <p>The whitespace rules, all of them settled here and nowhere else:
 *
 * <ul>
 *   <li>a {@code -} inside a delimiter strips all whitespace on that side;
 *   <li>without a sign, a block or comment (never an expression) that is alone at the start of its
 *       line loses the blanks before it, and one newline directly after it;
 *   <li>a {@code +} keeps both;
 *   <li>one newline at the very end of the source is dropped, and CR LF and CR become LF.
 * </ul>
 */
final class Lexer {

  private static final Pattern INTEGER =
      Pattern.compile(
          "0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[0-9a-f])+|[1-9](?:_?[0-9])*|0(?:_?0)*",
          Pattern.CASE_INSENSITIVE);
  private static final String DIGITS = "(?:[0-9]+_)*[0-9]+";
  private static final Pattern FLOAT =
      Pattern.compile(
          DIGITS + "(?:(?:\\." + DIGITS + ")?[eE][+-]?" + DIGITS + "|\\." + DIGITS + ")");
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  private static final Pattern NEWLINE = Pattern.compile("\r\n|\r|\n");
  // Longest first: "**" must not be read as two "*".
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  // Jinja's line_starting: the previous match of the tokenizer ended with a newline.
  private boolean lineStarting = true;

  private Lexer(String source) {
    this.source = source;
  }

  /** The tokens of {@code template}, closed by one {@link Kind#END}. */
  static List<Token> tokenize(String template) {
    String source = NEWLINE.matcher(template).replaceAll("\n");
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    Lexer lexer = new Lexer(source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int begin = nextDelimiter();
      if (begin < 0) {
        data(source.substring(at));
        at = source.length();
        break;
      }
      char type = source.charAt(begin + 1);
      int after = begin + 2;
      char sign = signAt(after);
      dataBefore(begin, sign, type != '{');
      at = sign == 0 ? after : after + 1;
      switch (type) {
        case '#' -> comment();
        case '{' -> expression(Kind.VARIABLE_BEGIN);
        default -> {
          int rawBody = rawBodyStart();
          if (rawBody >= 0) {
            raw(rawBody);
          } else {
            expression(Kind.BLOCK_BEGIN);
          }
        }
      }
    }
    tokens.add(new Token(Kind.END, "", line));
  }

  private int nextDelimiter() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "%{#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** The sign of a delimiter at {@code position}: '-', '+' or 0 for none. */
  private char signAt(int position) {
    if (position < source.length()) {
      char c = source.charAt(position);
      if (c == '-' || c == '+') {
        return c;
      }
    }
    return 0;
  }

  private void dataBefore(int end, char sign, boolean isBlock) {
    String text = source.substring(at, end);
    String kept = text;
    if (sign == '-') {
      kept = Text.stripRight(text);
    } else if (sign != '+' && isBlock) {
      int lineStart = text.lastIndexOf('\n') + 1;
      boolean firstOfLine = lineStart > 0 || lineStarting;
      if (firstOfLine && Text.isBlank(text.substring(lineStart))) {
        kept = text.substring(0, lineStart);
      }
    }
    data(kept);
    line += newlines(text) - newlines(kept);
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      tokens.add(new Token(Kind.DATA, text, line));
      line += newlines(text);
    }
  }

  private void comment() {
    int start = at;
    int close = source.indexOf("#}", at);
    if (close < 0) {
      throw JinjaException.error("a comment '{#' is never closed with '#}'").atLine(line);
    }
    line += newlines(source.substring(start, close));
    at = close + 2;
    char sign = close > start ? source.charAt(close - 1) : 0;
    afterDelimiter(sign, true);
  }

  /** Where the text of a raw block starts when a raw block begins here, else -1. */
  private int rawBodyStart() {
    int i = Text.skipBlank(source, at);
    if (!source.startsWith("raw", i)) {
      return -1;
    }
    i = Text.skipBlank(source, i + 3);
    if (source.startsWith("-%}", i)) {
      return Text.skipBlank(source, i + 3);
    }
    return source.startsWith("%}", i) ? i + 2 : -1;
  }

  private void raw(int body) {
    line += newlines(source.substring(at, body));
    lineStarting = source.charAt(body - 1) == '\n';
    at = body;
    for (int i = source.indexOf("{%", body); i >= 0; i = source.indexOf("{%", i + 1)) {
      char sign = signAt(i + 2);
      int word = Text.skipBlank(source, sign == 0 ? i + 2 : i + 3);
      if (!source.startsWith("endraw", word)) {
        continue;
      }
      int close = Text.skipBlank(source, word + 6);
      char closeSign = signAt(close);
      int end = closeSign == 0 ? close : close + 1;
      if (source.startsWith("%}", end)) {
        dataBefore(i, sign, true);
        line += newlines(source.substring(i, end));
        at = end + 2;
        afterDelimiter(closeSign, true);
        return;
      }
    }
    throw JinjaException.error("a raw block is never closed with '{% endraw %}'").atLine(line);
  }

  /** Applies the rules for what follows a closing delimiter that ends at {@code at}. */
  private void afterDelimiter(char sign, boolean isBlock) {
    int start = at;
    if (sign == '-') {
      at = Text.skipBlank(source, at);
    } else if (sign != '+' && isBlock && at < source.length() && source.charAt(at) == '\n') {
      at++;
    }
    line += newlines(source.substring(start, at));
    lineStarting = source.charAt(at - 1) == '\n';
  }

  private void expression(Kind begin) {
    boolean isBlock = begin == Kind.BLOCK_BEGIN;
    String close = isBlock ? "%}" : "}}";
    int beginLine = line;
    tokens.add(new Token(begin, isBlock ? "{%" : "{{", line));
    Deque<String> open = new ArrayDeque<>();
    while (at < source.length()) {
      if (open.isEmpty()) {
        char sign = signAt(at);
        // "+}}" is not a closing delimiter in Jinja: only blocks take a plus sign.
        boolean signed = sign == '-' || (sign == '+' && isBlock);
        int end = signed ? at + 1 : at;
        if (source.startsWith(close, end)) {
          tokens.add(new Token(isBlock ? Kind.BLOCK_END : Kind.VARIABLE_END, close, line));
          at = end + 2;
          afterDelimiter(signed ? sign : 0, isBlock);
          return;
        }
      }
      word(open);
    }
    throw JinjaException.error("'" + (isBlock ? "{%" : "{{") + "' is never closed")
        .atLine(beginLine);
  }

  private void word(Deque<String> open) {
    char c = source.charAt(at);
    if (Text.isSpace(c)) {
      int end = Text.skipBlank(source, at);
      line += newlines(source.substring(at, end));
      at = end;
    } else if (c == '\'' || c == '"') {
      string(c);
    } else if (!(matched(FLOAT, Kind.FLOAT) || matched(INTEGER, Kind.INTEGER))
        && !matched(NAME, Kind.NAME)) {
      operator(open);
    }
  }

  private boolean matched(Pattern pattern, Kind kind) {
    boolean afterDot = at > 0 && source.charAt(at - 1) == '.';
    if (kind == Kind.FLOAT && afterDot) {
      return false; // in a.1.5 the 1 and the 5 are two subscripts
    }
    Matcher matcher = pattern.matcher(source).region(at, source.length());
    if (!matcher.lookingAt()) {
      return false;
    }
    tokens.add(new Token(kind, matcher.group(), line));
    at = matcher.end();
    return true;
  }

  private void string(char quote) {
    int start = at + 1;
    for (int i = start; i < source.length(); i++) {
      char c = source.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == quote) {
        String raw = source.substring(start, i);
        tokens.add(new Token(Kind.STRING, Text.unescape(raw, line), line));
        line += newlines(raw);
        at = i + 1;
        return;
      }
    }
    throw JinjaException.error("a string that starts with " + quote + " is never closed")
        .atLine(line);
  }

  private void operator(Deque<String> open) {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, at)) {
        balance(operator, open);
        tokens.add(new Token(Kind.OPERATOR, operator, line));
        at += operator.length();
        return;
      }
    }
    String character = Character.toString(source.codePointAt(at));
    throw JinjaException.error("unexpected character " + Repr.repr(character)).atLine(line);
  }

  private void balance(String operator, Deque<String> open) {
    switch (operator) {
      case "{" -> open.push("}");
      case "(" -> open.push(")");
      case "[" -> open.push("]");
      case "}", ")", "]" -> {
        if (open.isEmpty() || !open.pop().equals(operator)) {
          throw JinjaException.error("unexpected '" + operator + "'").atLine(line);
        }
      }
      default -> {}
    }
  }

  private static int newlines(String text) {
    return (int) text.chars().filter(c -> c == '\n').count();
  }
}
