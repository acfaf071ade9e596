package dev.gavel.text.jinja;

import java.util.List;
import java.util.Optional;

/** A statement of a template; executed by {@link Renderer}. Each knows the line it starts on. */
sealed interface Statement {

  int line();

  record Data(String text, int line) implements Statement {}

  record Output(Expression value, int line) implements Statement {}

  record If(List<Branch> branches, List<Statement> otherwise, int line) implements Statement {}

  record Branch(Expression test, List<Statement> body) {}

  record For(
      Target target,
      Expression iterable,
      Optional<Expression> test,
      List<Statement> body,
      List<Statement> otherwise,
      int line)
      implements Statement {}

  record Set(Target target, Expression value, int line) implements Statement {}

  /** {@code {% set name | filters %}body{% endset %}}. */
  record SetBlock(Target target, Optional<Expression> filters, List<Statement> body, int line)
      implements Statement {}

  record Macro(String name, Signature signature, List<Statement> body, int line)
      implements Statement {}

  /** {@code {% call(parameters) callee(arguments) %}body{% endcall %}}. */
  record CallBlock(Signature signature, Expression.Call call, List<Statement> body, int line)
      implements Statement {}

  record FilterBlock(Expression filters, List<Statement> body, int line) implements Statement {}

  record With(List<Target> targets, List<Expression> values, List<Statement> body, int line)
      implements Statement {}

  record Break(int line) implements Statement {}

  record Continue(int line) implements Statement {}

  /** The parameters of a macro; the defaults belong to the last of them. */
  record Signature(List<String> parameters, List<Expression> defaults) {}

  /** What a value can be assigned to. */
  sealed interface Target {

    record Variable(String name) implements Target {}

    /** {@code namespace.attribute}. */
    record Member(String namespace, String attribute) implements Target {}

    record Unpack(List<Target> targets) implements Target {}
  }
}
