package dev.gavel.text.jinja;

import dev.gavel.text.jinja.Expression.Arguments;
import dev.gavel.text.jinja.Values.Function;
import dev.gavel.text.jinja.Values.Markup;
import dev.gavel.text.jinja.Values.Tuple;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Computes the value of an expression. One rendering, one thread. */
final class Evaluator {

  /** Renders a called macro. */
  interface MacroCaller {
    String call(Macro macro, CallArguments arguments);
  }

  private final Map<String, Object> context;
  private final Functions functions;
  private final MacroCaller macros;
  private long steps;
  private int depth;

  Evaluator(Map<String, Object> context, Functions functions, MacroCaller macros) {
    this.context = context;
    this.functions = functions;
    this.macros = macros;
  }

  /** Counts one unit of work, so that a hostile template ends. */
  void step() {
    if (++steps > Limits.MAX_STEPS) {
      throw JinjaException.error("the template takes more than " + Limits.MAX_STEPS + " steps");
    }
  }

  /** Counts one level of nesting, so that a hostile template cannot exhaust the stack. */
  void enter() {
    if (++depth > Limits.MAX_DEPTH) {
      throw JinjaException.error(
          "the template is nested more than " + Limits.MAX_DEPTH + " levels deep");
    }
  }

  void leave() {
    depth--; // not reached on an error, which ends the rendering
  }

  Object evaluate(Expression expression, Scope scope) {
    step();
    enter();
    Object value = compute(expression, scope);
    leave();
    return value;
  }

  private Object compute(Expression expression, Scope scope) {
    return switch (expression) {
      case Expression.Constant(Object value) -> value;
      case Expression.Name(String name) -> lookUp(name, scope);
      case Expression.TupleOf(List<Expression> items) -> new Tuple(all(items, scope));
      case Expression.ListOf(List<Expression> items) -> all(items, scope);
      case Expression.DictOf dict -> dict(dict, scope);
      case Expression.Attribute(Expression target, String name) ->
          Access.attribute(evaluate(target, scope), name);
      case Expression.Item(Expression target, Expression index) ->
          Access.item(evaluate(target, scope), evaluate(index, scope));
      case Expression.Slice slice ->
          Access.slice(
              evaluate(slice.target(), scope),
              orNone(slice.start(), scope),
              orNone(slice.stop(), scope),
              orNone(slice.step(), scope));
      case Expression.Call(Expression callee, Arguments arguments) -> {
        Object target = evaluate(callee, scope);
        yield call(target, arguments(arguments, scope));
      }
      case Expression.Filter filter -> {
        Expression input =
            filter.input().orElseThrow(() -> new IllegalStateException("a filter without input"));
        Object value = evaluate(input, scope);
        yield Filters.apply(filter.name(), value, arguments(filter.arguments(), scope));
      }
      case Expression.Test test -> {
        Object value = evaluate(test.input(), scope);
        yield Tests.apply(test.name(), value, arguments(test.arguments(), scope));
      }
      case Expression.Not(Expression operand) -> !Values.truth(evaluate(operand, scope));
      case Expression.Sign(String operator, Expression operand) ->
          Operators.sign(operator, evaluate(operand, scope));
      case Expression.Binary(String operator, Expression left, Expression right) ->
          Operators.binary(operator, evaluate(left, scope), evaluate(right, scope));
      case Expression.Concat(List<Expression> parts) -> concat(parts, scope);
      case Expression.Compare compare -> compare(compare, scope);
      case Expression.And(Expression left, Expression right) -> {
        Object value = evaluate(left, scope);
        yield Values.truth(value) ? evaluate(right, scope) : value;
      }
      case Expression.Or(Expression left, Expression right) -> {
        Object value = evaluate(left, scope);
        yield Values.truth(value) ? value : evaluate(right, scope);
      }
      case Expression.Conditional(
              Expression test,
              Expression then,
              Optional<Expression> otherwise) -> {
        if (Values.truth(evaluate(test, scope))) {
          yield evaluate(then, scope);
        }
        yield otherwise.isPresent()
            ? evaluate(otherwise.get(), scope)
            : new Undefined("an inline if without else was false");
      }
    };
  }

  private Object lookUp(String name, Scope scope) {
    Optional<Object> found = scope.find(name);
    if (found.isPresent()) {
      return found.get();
    }
    Object given = context.get(name);
    return given != null ? given : functions.find(name).orElseGet(() -> Undefined.name(name));
  }

  Object call(Object target, CallArguments arguments) {
    return switch (target) {
      case Macro macro -> macros.call(macro, arguments);
      case Function function -> function.call(arguments);
      case Undefined undefined -> throw undefined.fail();
      case LoopState loop -> throw JinjaException.unsupported("a recursive loop");
      default -> throw JinjaException.error("a " + Values.typeName(target) + " cannot be called");
    };
  }

  CallArguments arguments(Arguments arguments, Scope scope) {
    List<Object> positional = all(arguments.positional(), scope);
    Map<String, Object> named = new LinkedHashMap<>();
    for (int i = 0; i < arguments.names().size(); i++) {
      named.put(arguments.names().get(i), evaluate(arguments.named().get(i), scope));
    }
    return new CallArguments(positional, named);
  }

  private List<Object> all(List<Expression> expressions, Scope scope) {
    List<Object> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(evaluate(expression, scope));
    }
    return values;
  }

  private Object orNone(Optional<Expression> expression, Scope scope) {
    return expression.isPresent() ? evaluate(expression.get(), scope) : None.NONE;
  }

  private Object dict(Expression.DictOf dict, Scope scope) {
    Map<Object, Object> entries = new LinkedHashMap<>();
    for (int i = 0; i < dict.keys().size(); i++) {
      Object key = dictKey(evaluate(dict.keys().get(i), scope));
      entries.put(key, evaluate(dict.values().get(i), scope));
    }
    return entries;
  }

  static Object dictKey(Object key) {
    if (key instanceof String || key instanceof Long) {
      return key;
    }
    throw JinjaException.unsupported("a dict with a key that is a " + Values.typeName(key));
  }

  private Object concat(List<Expression> parts, Scope scope) {
    StringBuilder out = new StringBuilder();
    for (Expression part : parts) {
      out.append(Repr.str(evaluate(part, scope)));
      Limits.checkLength(out.length());
    }
    return out.toString();
  }

  private Object compare(Expression.Compare compare, Scope scope) {
    Object left = evaluate(compare.operands().getFirst(), scope);
    for (int i = 0; i < compare.operators().size(); i++) {
      Object right = evaluate(compare.operands().get(i + 1), scope);
      String operator = compare.operators().get(i);
      boolean holds =
          switch (operator) {
            case "==" -> Comparison.equal(left, right);
            case "!=" -> !Comparison.equal(left, right);
            case "in" -> Values.contains(right, left);
            case "not in" -> !Values.contains(right, left);
            default -> Comparison.ordered(operator, left, right);
          };
      if (!holds) {
        return false;
      }
      left = right;
    }
    return true;
  }

  /** Whether {@code value} may take part in an operation that Markup would answer by escaping. */
  static void refuseMarkup(Object value) {
    if (value instanceof Markup) {
      throw JinjaException.unsupported("'+', '*' or '%' with text marked as safe; use '~'");
    }
  }
}
