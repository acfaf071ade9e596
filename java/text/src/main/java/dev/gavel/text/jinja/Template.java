package dev.gavel.text.jinja;

import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** A parsed template. Immutable, and safe for many threads. */
public final class Template {

  private final List<Statement> statements;

  private Template(List<Statement> statements) {
    this.statements = statements;
  }

  /**
   * Parses a template.
   *
   * @throws JinjaException if it is not one, or uses what this renderer does not know
   */
  public static Template parse(String source) {
    return new Template(StatementParser.parse(source));
  }

  /** Whether Python's {@code str.strip} strips this character. */
  public static boolean isBlank(char c) {
    return Text.isSpace(c);
  }

  /**
   * Renders the template.
   *
   * @param variables the variables by name: strings, booleans, integers, doubles, lists, maps with
   *     string keys, and {@code Optional.empty()} for {@code None}
   * @param now the clock of {@code strftime_now}
   * @return the text, byte for byte as Jinja renders it
   * @throws JinjaException if the template cannot be rendered with these variables
   */
  public String render(Map<String, ?> variables, Supplier<LocalDateTime> now) {
    Map<String, Object> context = new HashMap<>();
    variables.forEach((name, value) -> context.put(name, Values.fromJava(value)));
    return new Renderer(context, new Functions(now)).render(statements);
  }
}
