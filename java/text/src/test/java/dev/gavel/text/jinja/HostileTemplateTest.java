package dev.gavel.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDateTime;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates come with model folders from anywhere: they may fail, and nothing else. */
final class HostileTemplateTest {

  private static String render(String template) {
    return Template.parse(template).render(Map.of("x", "text"), () -> LocalDateTime.MIN);
  }

  private static void refused(String template, String reason) {
    JinjaException e = assertThrows(JinjaException.class, () -> render(template));
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @Test
  void endlessWorkEnds() {
    String loops = "{% for a in range(99999) %}".repeat(3) + "{% endfor %}".repeat(3);
    refused(loops, "steps");
  }

  @Test
  void endlessRecursionEnds() {
    refused("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested more than");
  }

  @Test
  void longStringsAreRefusedBeforeTheyAreBuilt() {
    refused("{{ 'a' * 9999999999 }}", "characters");
    refused(
        "{% set ns = namespace(s='abcdefgh') %}"
            + "{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "characters");
    refused("{% set a = 'a' * 9999 %}{{ a|replace('a', a) }}", "characters");
    refused("{% set a = 'a' * 9999 %}{{ a.replace('a', a) }}", "characters");
    refused("{% set a = ' ' * 9999 %}{{ ('x\n' * 9999)|indent(a) }}", "characters");
    refused("{% set a = 'a' * 9999 %}{{ range(99999)|join(a) }}", "characters");
    refused("{{ x|tojson(indent=99999999999) }}", "characters");
  }

  @Test
  void longListsAreRefused() {
    refused(
        "{% set ns = namespace(s=[1]) %}"
            + "{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "items");
    refused("{{ range(100001)|list|length }}", "range");
    assertEquals("100000", render("{{ range(100000)|list|length }}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(",
        "[",
        "{",
        "-",
        "not ",
        "x.",
        "x[",
        "x|",
        "{{",
        "{%",
        "{% if x %}",
        "{% for a in x %}",
        "'",
        "1 + ",
        "{'a': ",
        "f(",
        "{#",
        "{% raw %}",
        "{% set a = ",
        "\\",
        "a if "
      })
  void deepNestingIsAnErrorNotAStackOverflow(String piece) {
    assertThrows(JinjaException.class, () -> render("{{ " + piece.repeat(50_000)));
    assertThrows(JinjaException.class, () -> render(piece.repeat(50_000) + "{{ ( }}"));
  }

  @Test
  void longChainsAreAnErrorNotAStackOverflow() {
    refused("{{ 1" + " + 1".repeat(50_000) + " }}", "nested more than");
    refused("{{ x" + "|trim".repeat(50_000) + " }}", "nested more than");
    assertEquals("101", render("{{ 1" + " + 1".repeat(100) + " }}"));
  }

  @Test
  void variablesOfOtherTypesAreRefused() {
    Template template = Template.parse("{{ x }}");
    assertThrows(
        JinjaException.class,
        () -> template.render(Map.of("x", new Object()), () -> LocalDateTime.MIN));
  }
}
