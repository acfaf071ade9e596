package dev.gavel.text.jinja;

import dev.gavel.message.Counted;
import dev.gavel.text.jinja.Expression.Filter;
import dev.gavel.text.jinja.Statement.Signature;
import dev.gavel.text.jinja.Statement.Target;
import dev.gavel.text.jinja.Values.Namespace;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Executes the statements of a template into text. One rendering, one thread. */
final class Renderer {

  /** How a list of statements ended. */
  private enum Flow {
    NORMAL,
    BREAK,
    CONTINUE
  }

  private final Evaluator evaluator;
  private StringBuilder out = new StringBuilder();

  Renderer(Map<String, Object> context, Functions functions) {
    this.evaluator = new Evaluator(context, functions, this::callMacro);
  }

  String render(List<Statement> statements) {
    run(statements, Scope.root());
    return out.toString();
  }

  private Flow run(List<Statement> statements, Scope scope) {
    evaluator.enter();
    for (Statement statement : statements) {
      evaluator.step();
      Flow flow;
      try {
        flow = run(statement, scope);
      } catch (JinjaException e) {
        throw e.atLine(statement.line());
      }
      if (flow != Flow.NORMAL) {
        evaluator.leave();
        return flow;
      }
    }
    evaluator.leave();
    return Flow.NORMAL;
  }

  private Flow run(Statement statement, Scope scope) {
    switch (statement) {
      case Statement.Data data -> write(data.text());
      case Statement.Output output -> write(Repr.str(evaluator.evaluate(output.value(), scope)));
      case Statement.If choice -> {
        for (Statement.Branch branch : choice.branches()) {
          if (Values.truth(evaluator.evaluate(branch.test(), scope))) {
            return run(branch.body(), scope);
          }
        }
        return run(choice.otherwise(), scope);
      }
      case Statement.For loop -> {
        return loop(loop, scope);
      }
      case Statement.Set set -> assign(set.target(), evaluator.evaluate(set.value(), scope), scope);
      case Statement.SetBlock set -> {
        String text = capture(set.body(), scope.inner());
        Object value =
            set.filters().isPresent() ? filtered(set.filters().get(), text, scope) : text;
        assign(set.target(), value, scope);
      }
      case Statement.Macro macro ->
          scope.set(macro.name(), new Macro(macro.name(), macro.signature(), macro.body(), scope));
      case Statement.CallBlock block -> write(callBlock(block, scope));
      case Statement.FilterBlock block ->
          write(Repr.str(filtered(block.filters(), capture(block.body(), scope.inner()), scope)));
      case Statement.With with -> {
        Scope inner = scope.inner();
        for (int i = 0; i < with.targets().size(); i++) {
          assign(with.targets().get(i), evaluator.evaluate(with.values().get(i), scope), inner);
        }
        return run(with.body(), inner);
      }
      case Statement.Break end -> {
        return Flow.BREAK;
      }
      case Statement.Continue end -> {
        return Flow.CONTINUE;
      }
    }
    return Flow.NORMAL;
  }

  private void write(String text) {
    Limits.checkLength((long) out.length() + text.length());
    out.append(text);
  }

  private String capture(List<Statement> body, Scope scope) {
    StringBuilder outer = out;
    out = new StringBuilder();
    run(body, scope);
    String text = out.toString();
    out = outer;
    return text;
  }

  private Object filtered(Expression filters, Object input, Scope scope) {
    Filter filter = (Filter) filters; // the parser makes nothing else of a chain of filters
    Object value =
        filter.input().isPresent() ? filtered(filter.input().get(), input, scope) : input;
    return Filters.apply(filter.name(), value, evaluator.arguments(filter.arguments(), scope));
  }

  private Flow loop(Statement.For loop, Scope scope) {
    List<Object> items = Values.iterate(evaluator.evaluate(loop.iterable(), scope));
    if (loop.test().isPresent()) {
      Expression test = loop.test().get();
      items =
          items.stream()
              .filter(item -> {
                Scope inner = scope.inner();
                assign(loop.target(), item, inner);
                return Values.truth(evaluator.evaluate(test, inner));
              })
              .toList();
    }
    LoopState state = new LoopState(items);
    for (Object item : items) {
      evaluator.step();
      state.advance();
      Scope inner = scope.inner();
      inner.set("loop", state);
      assign(loop.target(), item, inner);
      if (run(loop.body(), inner) == Flow.BREAK) {
        break;
      }
    }
    return items.isEmpty() ? run(loop.otherwise(), scope.inner()) : Flow.NORMAL;
  }

  private void assign(Target target, Object value, Scope scope) {
    switch (target) {
      case Target.Variable(String name) -> scope.set(name, value);
      case Target.Member(String name, String attribute) -> {
        Object owner = scope.find(name).orElseGet(() -> Undefined.name(name));
        if (!(owner instanceof Namespace namespace)) {
          throw JinjaException.error(
              "cannot assign to '" + name + "." + attribute + "': only a namespace can be changed");
        }
        namespace.members().put(attribute, value);
      }
      case Target.Unpack(List<Target> targets) -> {
        List<Object> items = Values.iterate(value);
        if (items.size() != targets.size()) {
          throw JinjaException.error(
              "cannot unpack %s into %s"
                  .formatted(
                      Counted.of(items.size(), "value"), Counted.of(targets.size(), "name")));
        }
        for (int i = 0; i < targets.size(); i++) {
          assign(targets.get(i), items.get(i), scope);
        }
      }
    }
  }

  private String callBlock(Statement.CallBlock block, Scope scope) {
    Object callee = evaluator.evaluate(block.call().callee(), scope);
    CallArguments given = evaluator.arguments(block.call().arguments(), scope);
    Map<String, Object> named = new LinkedHashMap<>(given.named());
    named.put("caller", new Macro("caller", block.signature(), block.body(), scope));
    return Repr.str(evaluator.call(callee, new CallArguments(given.positional(), named)));
  }

  private String callMacro(Macro macro, CallArguments arguments) {
    Signature signature = macro.signature();
    Map<String, Object> named = new LinkedHashMap<>(arguments.named());
    Optional<Object> caller = Optional.ofNullable(named.remove("caller"));
    List<String> parameters = signature.parameters();
    var bound =
        new CallArguments(arguments.positional(), named)
            .bind("the macro '" + macro.name() + "'", 0, parameters.toArray(String[]::new));
    Scope scope = macro.scope().inner();
    scope.set(
        "caller",
        caller.orElseGet(() -> new Undefined("the macro was not called by a call block")));
    int withoutDefault = parameters.size() - signature.defaults().size();
    for (int i = 0; i < parameters.size(); i++) {
      String name = parameters.get(i);
      Optional<Object> given = bound.find(name);
      Object value;
      if (given.isPresent()) {
        value = given.get();
      } else if (i < withoutDefault) {
        value =
            new Undefined("the parameter '" + name + "' of '" + macro.name() + "' was not given");
      } else {
        value = evaluator.evaluate(signature.defaults().get(i - withoutDefault), scope);
      }
      scope.set(name, value);
    }
    return capture(macro.body(), scope);
  }
}
