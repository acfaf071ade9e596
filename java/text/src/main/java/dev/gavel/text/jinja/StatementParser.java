package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Statement.Branch;
import dev.gavel.text.jinja.Statement.Signature;
import dev.gavel.text.jinja.Statement.Target;
import dev.gavel.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** Statements: the tree of a whole template. */
final class StatementParser {

  private static final Set<String> KNOWN_TO_JINJA =
      Set.of("autoescape", "block", "do", "extends", "from", "import", "include", "print", "trans");

  private final TokenStream stream;
  private final ExpressionParser expressions;
  // How many loops the parser is inside of, counted within the innermost macro or captured block.
  private int loops;

  private StatementParser(TokenStream stream) {
    this.stream = stream;
    this.expressions = new ExpressionParser(stream);
  }

  static List<Statement> parse(String template) {
    TokenStream stream = new TokenStream(Lexer.tokenize(template));
    StatementParser parser = new StatementParser(stream);
    List<Statement> statements = parser.body(List.of());
    if (!stream.at(Kind.END)) {
      throw stream.fail("unexpected " + stream.current().described());
    }
    return statements;
  }

  /** Statements up to a tag named in {@code ends}, whose name is then the current token. */
  private List<Statement> body(List<String> ends) {
    stream.enter();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = stream.next();
      switch (token.kind()) {
        case DATA -> statements.add(new Statement.Data(token.text(), token.line()));
        case VARIABLE_BEGIN -> {
          Expression value = expressions.tupleOrExpression(true);
          stream.expect(Kind.VARIABLE_END, "'}}'");
          statements.add(new Statement.Output(value, token.line()));
        }
        case BLOCK_BEGIN -> {
          if (stream.at(Kind.NAME) && ends.contains(stream.current().text())) {
            stream.leave();
            return List.copyOf(statements);
          }
          statements.add(statement());
          blockEnd();
        }
        default -> {
          if (!ends.isEmpty()) {
            throw stream.fail("the template ends before '{% " + ends.getLast() + " %}'");
          }
          stream.leave();
          return List.copyOf(statements);
        }
      }
    }
  }

  private void blockEnd() {
    stream.expect(Kind.BLOCK_END, "'%}'");
  }

  /** A body that starts after this tag's end and stops at {@code end}, which is consumed. */
  private List<Statement> bodyUntil(String end) {
    blockEnd();
    List<Statement> statements = body(List.of(end));
    stream.next();
    return statements;
  }

  private Statement statement() {
    Token tag = stream.expect(Kind.NAME, "the name of a tag");
    int line = tag.line();
    return switch (tag.text()) {
      case "if" -> ifStatement(line);
      case "for" -> forStatement(line);
      case "set" -> setStatement(line);
      case "macro" -> {
        String name = stream.expect(Kind.NAME, "the name of the macro").text();
        Signature signature = signature();
        yield new Statement.Macro(name, signature, captured(() -> bodyUntil("endmacro")), line);
      }
      case "call" -> callStatement(line);
      case "filter" -> {
        Expression filters = expressions.filter(Optional.empty());
        if (stream.current().isOperator("|")) {
          filters = expressions.filters(Optional.of(filters));
        }
        Expression all = filters;
        yield new Statement.FilterBlock(all, captured(() -> bodyUntil("endfilter")), line);
      }
      case "with" -> withStatement(line);
      // Marks the assistant's text for training masks; it renders its body, in a scope of its own.
      case "generation" ->
          new Statement.With(
              List.of(), List.of(), captured(() -> bodyUntil("endgeneration")), line);
      case "break" -> inLoop("break", new Statement.Break(line));
      case "continue" -> inLoop("continue", new Statement.Continue(line));
      default -> throw unknownTag(tag);
    };
  }

  private JinjaException unknownTag(Token tag) {
    if (KNOWN_TO_JINJA.contains(tag.text())) {
      return JinjaException.unsupported("the tag '" + tag.text() + "'").atLine(tag.line());
    }
    return JinjaException.error("unknown tag '" + tag.text() + "'").atLine(tag.line());
  }

  private Statement inLoop(String name, Statement statement) {
    if (loops == 0) {
      throw stream.fail("'" + name + "' is outside a loop, or inside a block that a loop contains");
    }
    return statement;
  }

  /** Parses a body whose text is captured: a {@code break} in it cannot leave a loop around it. */
  private List<Statement> captured(Supplier<List<Statement>> body) {
    int outer = loops;
    loops = 0;
    List<Statement> result = body.get();
    loops = outer;
    return result;
  }

  private Statement ifStatement(int line) {
    List<Branch> branches = new ArrayList<>();
    List<Statement> otherwise = List.of();
    while (true) {
      Expression test = expressions.tupleOrExpression(false);
      blockEnd();
      branches.add(new Branch(test, body(List.of("elif", "else", "endif"))));
      Token next = stream.next();
      if (next.isName("elif")) {
        continue;
      }
      if (next.isName("else")) {
        otherwise = bodyUntil("endif");
      }
      return new Statement.If(List.copyOf(branches), otherwise, line);
    }
  }

  private Statement forStatement(int line) {
    Target target = target(false);
    if (!stream.skipName("in")) {
      throw stream.fail("expected 'in', found " + stream.current().described());
    }
    Expression iterable = expressions.tupleOrExpression(false);
    Optional<Expression> test =
        stream.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
    if (stream.current().isName("recursive")) {
      throw stream.unsupported("a recursive loop");
    }
    blockEnd();
    loops++;
    List<Statement> body = body(List.of("else", "endfor"));
    loops--;
    List<Statement> otherwise = stream.next().isName("else") ? bodyUntil("endfor") : List.of();
    return new Statement.For(target, iterable, test, body, otherwise, line);
  }

  private Statement setStatement(int line) {
    Target target = target(true);
    if (stream.skipOperator("=")) {
      return new Statement.Set(target, expressions.tupleOrExpression(true), line);
    }
    if (target instanceof Target.Unpack) {
      throw stream.fail("a '{% set %}' block assigns to one name");
    }
    Optional<Expression> filters = Optional.empty();
    if (stream.skipOperator("|")) {
      filters = Optional.of(expressions.filter(Optional.empty()));
      if (stream.current().isOperator("|")) {
        filters = Optional.of(expressions.filters(filters));
      }
    }
    Optional<Expression> all = filters;
    return new Statement.SetBlock(target, all, captured(() -> bodyUntil("endset")), line);
  }

  private Statement callStatement(int line) {
    Signature signature =
        stream.current().isOperator("(") ? signature() : new Signature(List.of(), List.of());
    if (!(expressions.expression() instanceof Expression.Call call)) {
      throw stream.fail("'{% call %}' needs the call of a macro");
    }
    return new Statement.CallBlock(signature, call, captured(() -> bodyUntil("endcall")), line);
  }

  private Statement withStatement(int line) {
    List<Target> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!stream.at(Kind.BLOCK_END)) {
      if (!targets.isEmpty()) {
        stream.expectOperator(",");
      }
      // One name each: a comma here ends the value and starts the next name.
      targets.add(new Target.Variable(stream.expect(Kind.NAME, "a name to assign to").text()));
      stream.expectOperator("=");
      values.add(expressions.expression());
    }
    return new Statement.With(
        List.copyOf(targets), List.copyOf(values), bodyUntil("endwith"), line);
  }

  private Signature signature() {
    stream.expectOperator("(");
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    while (!stream.current().isOperator(")")) {
      if (!parameters.isEmpty()) {
        stream.expectOperator(",");
      }
      parameters.add(stream.expect(Kind.NAME, "the name of a parameter").text());
      if (stream.skipOperator("=")) {
        defaults.add(expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw stream.fail("a parameter without a default follows one with a default");
      }
    }
    stream.next();
    return new Signature(List.copyOf(parameters), List.copyOf(defaults));
  }

  private Target target(boolean withMembers) {
    List<Target> targets = new ArrayList<>(List.of(singleTarget(withMembers)));
    boolean isTuple = stream.current().isOperator(",");
    while (stream.skipOperator(",")) {
      if (stream.current().isName("in") || stream.current().isOperator("=")) {
        break;
      }
      targets.add(singleTarget(withMembers));
    }
    return isTuple ? new Target.Unpack(List.copyOf(targets)) : targets.getFirst();
  }

  private Target singleTarget(boolean withMembers) {
    if (stream.skipOperator("(")) {
      stream.enter();
      Target inner = target(withMembers);
      stream.leave();
      stream.expectOperator(")");
      return inner;
    }
    String name = stream.expect(Kind.NAME, "a name to assign to").text();
    if (Set.of("true", "false", "none", "True", "False", "None").contains(name)) {
      throw stream.fail("cannot assign to " + name);
    }
    if (withMembers && stream.skipOperator(".")) {
      String attribute = stream.expect(Kind.NAME, "an attribute of the namespace").text();
      return new Target.Member(name, attribute);
    }
    return new Target.Variable(name);
  }
}
