package dev.gavel.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDateTime;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever a template or a value is, rendering it gives text or says why not. */
final class AnyTemplatePropertyTest {

  private static String render(String template) {
    return Template.parse(template).render(Map.of("x", "text"), () -> LocalDateTime.MIN);
  }

  @Provide
  Arbitrary<String> pieces() {
    Arbitrary<String> piece =
        Arbitraries.of(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "{%-",
            "-%}",
            "{{-",
            "-}}",
            " if ",
            " for ",
            " in ",
            " else ",
            " endif ",
            " endfor ",
            " set ",
            " macro ",
            " endmacro ",
            " raw ",
            " endraw ",
            " is ",
            " not ",
            " defined ",
            "x",
            "loop",
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            ".",
            "|",
            "~",
            "+",
            "-",
            "*",
            "'",
            "\"",
            "\\",
            "\n",
            " ",
            "1",
            "0x",
            "1e",
            ":",
            ",",
            "=",
            "==",
            "none",
            "trim",
            "tojson",
            "é",
            "\u2028",
            "{% if x %}",
            "{% endif %}",
            "{{ x }}");
    return piece.list().ofMaxSize(40).map(parts -> String.join("", parts));
  }

  @Property(tries = 5000)
  void anyTextRendersOrFailsAsATemplate(@ForAll("pieces") String template) {
    String text;
    try {
      text = render(template);
    } catch (JinjaException e) {
      assertTrue(e.getMessage().startsWith("line "), e.getMessage());
      return;
    }
    assertEquals(text, render(template));
  }

  @Property(tries = 500)
  void valuesNeverBecomeTemplates(@ForAll("pieces") String value) {
    Template template = Template.parse("{{ x }}|{{ x|tojson }}|{{ [x]|length }}");
    String text = template.render(Map.of("x", value), () -> LocalDateTime.MIN);
    assertTrue(text.startsWith(value + "|\""), text);
    assertTrue(text.endsWith("\"|1"), text);
  }
}
