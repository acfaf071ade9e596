package dev.gavel.text.jinja;

import java.util.List;
import java.util.Optional;

/** An expression of a template; evaluated by {@link Evaluator}. */
sealed interface Expression {

  record Constant(Object value) implements Expression {}

  record Name(String name) implements Expression {}

  record TupleOf(List<Expression> items) implements Expression {}

  record ListOf(List<Expression> items) implements Expression {}

  record DictOf(List<Expression> keys, List<Expression> values) implements Expression {}

  /** {@code target.name}. */
  record Attribute(Expression target, String name) implements Expression {}

  /** {@code target[index]}. */
  record Item(Expression target, Expression index) implements Expression {}

  /** {@code target[start:stop:step]}. */
  record Slice(
      Expression target,
      Optional<Expression> start,
      Optional<Expression> stop,
      Optional<Expression> step)
      implements Expression {}

  record Call(Expression callee, Arguments arguments) implements Expression {}

  /** {@code input|name(arguments)}; the input is empty in a filter block, which supplies it. */
  record Filter(Optional<Expression> input, String name, Arguments arguments)
      implements Expression {}

  /** {@code input is name(arguments)}. */
  record Test(Expression input, String name, Arguments arguments) implements Expression {}

  record Not(Expression operand) implements Expression {}

  /** A leading {@code -} or {@code +}. */
  record Sign(String operator, Expression operand) implements Expression {}

  /** One of {@code + - * / // % **}. */
  record Binary(String operator, Expression left, Expression right) implements Expression {}

  /** {@code a ~ b ~ c}. */
  record Concat(List<Expression> parts) implements Expression {}

  /** {@code first < second <= third}: the operators stand between the operands. */
  record Compare(List<String> operators, List<Expression> operands) implements Expression {}

  record And(Expression left, Expression right) implements Expression {}

  record Or(Expression left, Expression right) implements Expression {}

  /** {@code then if test else otherwise}. */
  record Conditional(Expression test, Expression then, Optional<Expression> otherwise)
      implements Expression {}

  /** The arguments of a call, filter or test: the names belong to the last of the values. */
  record Arguments(List<Expression> positional, List<String> names, List<Expression> named) {
    static final Arguments NONE = new Arguments(List.of(), List.of(), List.of());
  }
}
