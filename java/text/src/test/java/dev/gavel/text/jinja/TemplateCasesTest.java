package dev.gavel.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Byte for byte what Jinja renders, or an error where Jinja has one. */
final class TemplateCasesTest {

  static Stream<TemplateCases.Case> rendered() {
    return TemplateCases.all().stream().filter(c -> c.expected().isPresent());
  }

  static Stream<TemplateCases.Case> refusedByJinja() {
    return TemplateCases.all().stream().filter(c -> c.expected().isEmpty() && !c.refusedHere());
  }

  static Stream<TemplateCases.Case> refusedHere() {
    return TemplateCases.all().stream().filter(TemplateCases.Case::refusedHere);
  }

  private static String render(TemplateCases.Case c) {
    return Template.parse(c.template()).render(c.variables(), c::now);
  }

  @ParameterizedTest
  @MethodSource("rendered")
  void rendersAsJinja(TemplateCases.Case c) {
    assertEquals(c.expected().orElseThrow(), render(c), c.template());
  }

  @ParameterizedTest
  @MethodSource("refusedByJinja")
  void refusesWhatJinjaRefuses(TemplateCases.Case c) {
    JinjaException e = assertThrows(JinjaException.class, () -> render(c), c.template());
    assertEquals(c.raisedMessage().isPresent(), e.raisedByTemplate(), e.getMessage());
    c.raisedMessage().ifPresent(m -> assertTrue(e.getMessage().endsWith(m), e.getMessage()));
    assertTrue(e.getMessage().startsWith("line "), e.getMessage());
  }

  @ParameterizedTest
  @MethodSource("refusedHere")
  void namesWhatItDoesNotSupport(TemplateCases.Case c) {
    assertThrows(JinjaException.class, () -> render(c), c.template());
  }

  @Test
  void thereAreCasesOfEveryKind() {
    List<TemplateCases.Case> all = TemplateCases.all();
    assertTrue(rendered().count() > 400, "rendered: " + rendered().count());
    assertTrue(refusedByJinja().count() > 100, "refused: " + refusedByJinja().count());
    assertEquals(all.size(), rendered().count() + refusedByJinja().count() + refusedHere().count());
  }
}
