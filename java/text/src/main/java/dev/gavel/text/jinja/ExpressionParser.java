package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Expression.Arguments;
import dev.gavel.text.jinja.Expression.Constant;
import dev.gavel.text.jinja.Expression.Filter;
import dev.gavel.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Expressions with Jinja's precedence, lowest first: inline if, or, and, not, comparisons, {@code +
 * -}, {@code ~}, {@code * / // %}, {@code **}, signs, subscripts and calls, filters and tests.
 */
final class ExpressionParser {

  private static final List<String> COMPARISONS = List.of("==", "!=", "<", "<=", ">", ">=");

  private final TokenStream stream;

  ExpressionParser(TokenStream stream) {
    this.stream = stream;
  }

  /** One expression, or several with commas between them, which make a tuple. */
  Expression tupleOrExpression(boolean withConditional) {
    Expression first = withConditional ? expression() : or();
    if (!stream.current().isOperator(",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (stream.skipOperator(",") && !atTupleEnd()) {
      items.add(withConditional ? expression() : or());
    }
    return new Expression.TupleOf(List.copyOf(items));
  }

  private boolean atTupleEnd() {
    Token token = stream.current();
    return token.kind() == Kind.VARIABLE_END
        || token.kind() == Kind.BLOCK_END
        || token.isOperator(")")
        || token.isName("recursive");
  }

  Expression expression() {
    stream.enter();
    Expression result = or();
    while (stream.skipName("if")) {
      Expression test = or();
      Optional<Expression> otherwise =
          stream.skipName("else") ? Optional.of(expression()) : Optional.empty();
      result = new Expression.Conditional(test, result, otherwise);
    }
    stream.leave();
    return result;
  }

  private Expression or() {
    Expression left = and();
    while (stream.skipName("or")) {
      left = new Expression.Or(left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (stream.skipName("and")) {
      left = new Expression.And(left, not());
    }
    return left;
  }

  private Expression not() {
    if (!stream.skipName("not")) {
      return comparison();
    }
    stream.enter();
    Expression operand = not();
    stream.leave();
    return new Expression.Not(operand);
  }

  private Expression comparison() {
    List<String> operators = new ArrayList<>();
    List<Expression> operands = new ArrayList<>(List.of(sum()));
    while (true) {
      Token token = stream.current();
      if (token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) {
        operators.add(stream.next().text());
      } else if (stream.skipName("in")) {
        operators.add("in");
      } else if (token.isName("not") && stream.following().isName("in")) {
        stream.next();
        stream.next();
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    return operators.isEmpty()
        ? operands.getFirst()
        : new Expression.Compare(List.copyOf(operators), List.copyOf(operands));
  }

  private Expression sum() {
    Expression left = concat();
    while (stream.current().isOperator("+") || stream.current().isOperator("-")) {
      left = new Expression.Binary(stream.next().text(), left, concat());
    }
    return left;
  }

  private Expression concat() {
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (stream.skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.getFirst() : new Expression.Concat(List.copyOf(parts));
  }

  private Expression product() {
    Expression left = power();
    while (true) {
      Token token = stream.current();
      if (token.isOperator("*")
          || token.isOperator("/")
          || token.isOperator("//")
          || token.isOperator("%")) {
        left = new Expression.Binary(stream.next().text(), left, power());
      } else {
        return left;
      }
    }
  }

  private Expression power() {
    // Left to right, as Jinja compiles it: 2**3**2 is (2**3)**2 there.
    Expression left = unary(true);
    while (stream.skipOperator("**")) {
      left = new Expression.Binary("**", left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean withFilters) {
    Expression result;
    if (stream.current().isOperator("-") || stream.current().isOperator("+")) {
      stream.enter();
      result = new Expression.Sign(stream.next().text(), unary(false));
      stream.leave();
    } else {
      result = primary();
    }
    result = postfix(result);
    return withFilters ? filtersAndTests(result) : result;
  }

  Expression primary() {
    Token token = stream.current();
    return switch (token.kind()) {
      case NAME -> name(stream.next().text());
      case STRING -> {
        StringBuilder text = new StringBuilder();
        while (stream.at(Kind.STRING)) {
          text.append(stream.next().text()); // neighbours join, as in Python
        }
        yield new Constant(text.toString());
      }
      case INTEGER -> new Constant(Numbers.parseInteger(stream.next()));
      case FLOAT -> new Constant(Double.valueOf(stream.next().text().replace("_", "")));
      case OPERATOR ->
          switch (token.text()) {
            case "(" -> parenthesised();
            case "[" -> list();
            case "{" -> dict();
            default -> throw stream.fail("unexpected " + token.described());
          };
      default -> throw stream.fail("expected an expression, found " + token.described());
    };
  }

  private static Expression name(String name) {
    return switch (name) {
      case "true", "True" -> new Constant(true);
      case "false", "False" -> new Constant(false);
      case "none", "None" -> new Constant(None.NONE);
      default -> new Expression.Name(name);
    };
  }

  private Expression parenthesised() {
    stream.next();
    Expression inside =
        stream.current().isOperator(")")
            ? new Expression.TupleOf(List.of())
            : tupleOrExpression(true);
    stream.expectOperator(")");
    return inside;
  }

  private Expression list() {
    stream.next();
    List<Expression> items = new ArrayList<>();
    while (!stream.current().isOperator("]")) {
      items.add(expression());
      if (!stream.skipOperator(",")) {
        break;
      }
    }
    stream.expectOperator("]");
    return new Expression.ListOf(List.copyOf(items));
  }

  private Expression dict() {
    stream.next();
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!stream.current().isOperator("}")) {
      keys.add(expression());
      stream.expectOperator(":");
      values.add(expression());
      if (!stream.skipOperator(",")) {
        break;
      }
    }
    stream.expectOperator("}");
    return new Expression.DictOf(List.copyOf(keys), List.copyOf(values));
  }

  Expression postfix(Expression operand) {
    Expression result = operand;
    while (true) {
      if (stream.skipOperator(".")) {
        result = afterDot(result);
      } else if (stream.skipOperator("[")) {
        result = subscript(result);
      } else if (stream.current().isOperator("(")) {
        result = new Expression.Call(result, arguments());
      } else {
        return result;
      }
    }
  }

  private Expression afterDot(Expression target) {
    if (stream.at(Kind.INTEGER)) {
      return new Expression.Item(target, new Constant(Numbers.parseInteger(stream.next())));
    }
    String name = stream.expect(Kind.NAME, "a name after '.'").text();
    return new Expression.Attribute(target, name);
  }

  private Expression subscript(Expression target) {
    Optional<Expression> start = slicePart();
    Expression result;
    if (stream.skipOperator(":")) {
      Optional<Expression> stop = slicePart();
      Optional<Expression> step = stream.skipOperator(":") ? slicePart() : Optional.empty();
      result = new Expression.Slice(target, start, stop, step);
    } else {
      Expression index = start.orElseThrow(() -> stream.fail("expected a subscript, found ']'"));
      result = new Expression.Item(target, index);
    }
    if (stream.current().isOperator(",")) {
      throw stream.unsupported("a subscript with several parts");
    }
    stream.expectOperator("]");
    return result;
  }

  private Optional<Expression> slicePart() {
    boolean absent = stream.current().isOperator(":") || stream.current().isOperator("]");
    return absent ? Optional.empty() : Optional.of(expression());
  }

  Arguments arguments() {
    stream.expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Expression> named = new ArrayList<>();
    while (!stream.current().isOperator(")")) {
      if (stream.current().isOperator("*") || stream.current().isOperator("**")) {
        throw stream.unsupported("an unpacked argument '" + stream.current().text() + "'");
      }
      if (stream.at(Kind.NAME) && stream.following().isOperator("=")) {
        String name = stream.next().text();
        stream.next();
        if (names.contains(name)) {
          throw stream.fail("the argument '" + name + "' is given twice");
        }
        names.add(name);
        named.add(expression());
      } else if (names.isEmpty()) {
        positional.add(expression());
      } else {
        throw stream.fail("a positional argument follows a named one");
      }
      if (!stream.skipOperator(",")) {
        break;
      }
    }
    stream.expectOperator(")");
    return new Arguments(List.copyOf(positional), List.copyOf(names), List.copyOf(named));
  }

  private Expression filtersAndTests(Expression operand) {
    Expression result = operand;
    while (true) {
      if (stream.current().isOperator("|")) {
        result = filters(Optional.of(result));
      } else if (stream.skipName("is")) {
        result = test(result);
      } else if (stream.current().isOperator("(")) {
        result = new Expression.Call(result, arguments());
      } else {
        return result;
      }
    }
  }

  /** {@code |first|second(arguments)}, at least one. */
  Expression filters(Optional<Expression> input) {
    Optional<Expression> result = input;
    while (stream.skipOperator("|")) {
      result = Optional.of(filter(result));
    }
    return result.orElseThrow(() -> stream.fail("expected a filter"));
  }

  Filter filter(Optional<Expression> input) {
    String name = stream.expect(Kind.NAME, "the name of a filter").text();
    Filters.requireKnown(name, stream.current().line());
    Arguments arguments = stream.current().isOperator("(") ? arguments() : Arguments.NONE;
    return new Filter(input, name, arguments);
  }

  private Expression test(Expression input) {
    boolean negated = stream.skipName("not");
    String name = stream.expect(Kind.NAME, "the name of a test").text();
    Tests.requireKnown(name, stream.current().line());
    Arguments arguments = Arguments.NONE;
    if (stream.current().isOperator("(")) {
      arguments = arguments();
    } else if (startsTestArgument()) {
      if (stream.current().isName("is")) {
        throw stream.fail("tests cannot be chained with 'is'");
      }
      arguments = new Arguments(List.of(postfix(primary())), List.of(), List.of());
    }
    Expression result = new Expression.Test(input, name, arguments);
    return negated ? new Expression.Not(result) : result;
  }

  private boolean startsTestArgument() {
    Token token = stream.current();
    return switch (token.kind()) {
      case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> token.isOperator("[") || token.isOperator("{");
      default -> false;
    };
  }
}
