package dev.gavel.cli.rows;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.text.ChatMessage;
import dev.gavel.text.Prompt;
import dev.gavel.text.row.RowError;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowParserTest {

  private static Row good(RowParser parser, String text) {
    return assertInstanceOf(ParsedRow.Good.class, parser.parse(new Line.Text(7, text))).row();
  }

  private static Row good(String text) {
    return good(RowParser.ofTexts(), text);
  }

  private static ParsedRow.Bad bad(String text) {
    return assertInstanceOf(
        ParsedRow.Bad.class, RowParser.ofTexts().parse(new Line.Text(7, text)), text);
  }

  @Test
  void readsResponses() {
    Row row =
        good(
            "{\"id\":\"x\",\"prompt\":\"p\",\"responses\":[\"a\",\"b\"],\"subset\":\"s\",\"more\":{}}");
    assertEquals("x", row.id().textValue());
    assertEquals(Prompt.text("p"), row.prompt());
    assertEquals(List.of("a", "b"), row.responses());
    assertEquals(Optional.of("s"), row.subset());
    assertEquals(Optional.empty(), row.labels());
  }

  @Test
  void readsPairsAndNumbersRowsWithoutId() {
    Row row = good("{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\",\"id\":null}");
    assertEquals(7, row.id().longValue());
    assertEquals(List.of("a", "b"), row.responses());
  }

  @Test
  void placesAreCountedFromTheStartOfTheLine() {
    String row = "{\"prompt\":\"p\",\"responses\":[\"a\"]}";
    String message = bad(row + " " + row).error().message();
    assertTrue(message.contains("(character 3"), message);
    assertEquals(message, bad(row + "\r" + row).error().message());
  }

  @Test
  void readsListsOfChosenAndRejected() {
    String text = "{\"prompt\":\"p\",\"chosen\":[\"a\",\"b\"],\"rejected\":[\"c\"]}";
    assertEquals(List.of("a", "b", "c"), good(text).responses());
    assertEquals(
        Optional.of(List.of(1.0, 1.0, 0.0)), good(RowParser.ofPreferences(), text).labels());
    assertEquals(
        List.of("a", "c"),
        good("{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":[\"c\"]}").responses());
    assertEquals(
        "chosen", bad("{\"prompt\":\"p\",\"chosen\":[],\"rejected\":\"c\"}").error().field());
    assertEquals(
        "rejected[1]",
        bad("{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":[\"b\",\" \"]}").error().field());
  }

  @Test
  void readsResponsesThatAreListsOfSteps() {
    Row row = good("{\"prompt\":\"p\",\"responses\":[[\"a\",\"b\"],[\"c\"]]}");
    assertEquals(List.of(List.of("a", "b"), List.of("c")), row.steps());
    assertEquals(List.of("a\nb", "c"), row.responses());
    assertEquals(List.of(), good("{\"prompt\":\"p\",\"responses\":[\"a\"]}").steps());
    for (String field : List.of("responses[1]", "responses[0][1]", "responses[0]")) {
      String responses =
          switch (field) {
            case "responses[1]" -> "[[\"a\"],\"b\"]";
            case "responses[0]" -> "[[]]";
            default -> "[[\"a\",\"\"]]";
          };
      assertEquals(
          field, bad("{\"prompt\":\"p\",\"responses\":%s}".formatted(responses)).error().field());
    }
  }

  /** The lists of steps were scored, and the pair beside them not seen. */
  @Test
  void stepsBesideAPairAreRefusedAsTextsAre() {
    for (String responses : List.of("[\"a\"]", "[[\"a\"]]")) {
      for (String more : List.of("chosen", "rejected")) {
        ParsedRow.Bad bad =
            bad("{\"prompt\":\"p\",\"responses\":%s,\"%s\":\"b\"}".formatted(responses, more));
        assertEquals("responses", bad.error().field());
        assertTrue(bad.error().message().contains("keep one form"), bad.error().message());
      }
    }
  }

  @Test
  void readsConversations() {
    Row one = good("{\"messages\":[{\"role\":\"user\",\"content\":\"c\"}],\"responses\":[\"a\"]}");
    assertEquals("c", one.promptText());
    assertEquals(Prompt.messages(List.of(ChatMessage.of("user", "c"))), one.prompt());
    Row two =
        good(
            "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"c\"}],\"responses\":[\"a\"]}");
    assertEquals("system: s\n\nuser: c", two.promptText());
  }

  @Test
  void readsWhatPeoplePrefer() {
    RowParser parser = RowParser.ofPreferences();
    assertEquals(
        Optional.of(List.of(1.0, 0.0)),
        good(parser, "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}").labels());
    assertEquals(
        Optional.of(List.of(0.5, -1.0)),
        good(parser, "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"],\"scores\":[0.5,-1]}")
            .labels());
    assertEquals(
        Optional.of(List.of(-2.0, -1.0, -1.0)),
        good(parser, "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\",\"c\"],\"rankings\":[2,1,1]}")
            .labels());
    // Numbers may be left out.
    assertEquals(
        Optional.of(List.of(-1.0, -7.0)),
        good(parser, "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"],\"rankings\":[1,7]}").labels());
    for (String labels :
        List.of(
            "\"scores\":[1]",
            "\"scores\":[1,\"2\"]",
            "\"scores\":3",
            "\"rankings\":[1,2],\"scores\":[1,2]",
            "\"scores\":[1,1e999]",
            "\"rankings\":[1]",
            "\"rankings\":[1,null]",
            "\"scores\":[1,null]",
            "\"scores\":[1,NaN]",
            "\"more\":1")) {
      assertInstanceOf(
          ParsedRow.Bad.class,
          parser.parse(
              new Line.Text(
                  1, "{\"prompt\":\"p\",\"responses\":[\"a\",\"b\"],%s}".formatted(labels))),
          labels);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      textBlock =
          """
          line         | {
          line         | []
          line         | "text"
          line         | {"prompt":"p","responses":["a"]} more
          line         | {"prompt":"p","prompt":"q","responses":["a"]}
          line         | {"prompt":"p","responses":["a"],"x":{"y":1,"y":2}}
          line         | {'prompt':'p'}
          id           | {"id":1.5,"prompt":"p","responses":["a"]}
          id           | {"id":["x"],"prompt":"p","responses":["a"]}
          id           | {"id":"\\udc00","prompt":"p","responses":["a"]}
          prompt       | {"responses":["a"]}
          prompt       | {"prompt":3,"responses":["a"]}
          prompt       | {"prompt":"","responses":["a"]}
          prompt       | {"prompt":" \\n","responses":["a"]}
          prompt       | {"prompt":"\\ud800","responses":["a"]}
          messages     | {"prompt":"p","messages":[{"role":"user","content":"c"}],"responses":["a"]}
          messages     | {"messages":[],"responses":["a"]}
          messages     | {"messages":"c","responses":["a"]}
          messages[0]  | {"messages":["c"],"responses":["a"]}
          messages[0].role    | {"messages":[{"content":"c"}],"responses":["a"]}
          messages[0].content | {"messages":[{"role":"user"}],"responses":["a"]}
          messages     | {"messages":[{"role":"assistant","content":"c"}],"responses":["a"]}
          responses    | {"prompt":"p"}
          responses    | {"prompt":"p","responses":null}
          responses    | {"prompt":"p","responses":[]}
          responses    | {"prompt":"p","responses":"a"}
          responses[1] | {"prompt":"p","responses":["a",null]}
          responses[1] | {"prompt":"p","responses":["a",""]}
          responses[2] | {"prompt":"p","responses":["a","b","c\\ud800d"]}
          responses    | {"prompt":"p","responses":["a"],"chosen":"a","rejected":"b"}
          rejected     | {"prompt":"p","chosen":"a"}
          chosen       | {"prompt":"p","chosen":[],"rejected":"b"}
          subset       | {"prompt":"p","responses":["a"],"subset":3}
          """)
  void namesTheField(String field, String text) {
    ParsedRow.Bad row = bad(text);
    assertEquals(field, row.error().field(), row.error().message());
    assertEquals(7, row.line());
    assertTrue(!row.error().message().contains("Source"), row.error().message());
  }

  @Test
  void aMessageWithoutAFieldNamesBoth() {
    RowError error = bad("{\"messages\":[{\"role\":\"user\"}],\"responses\":[\"a\"]}").error();
    assertEquals("{\"role\":\"user\"}", error.found());
    assertTrue(error.message().startsWith("messages[0].content is missing;"), error.message());
  }

  @Test
  void keepsTheIdOfARowThatIsBadElsewhere() {
    assertEquals("x", bad("{\"id\":\"x\",\"prompt\":\"p\"}").id().textValue());
    assertEquals(7, bad("{\"prompt\":\"p\"}").id().longValue());
    assertTrue(bad("{").id().isNull());
  }

  /** Python writes it, and what the parser advises is no setting of this command. */
  @Test
  void aNumberThatJsonHasNotIsNamed() {
    for (String number : List.of("NaN", "Infinity", "-Infinity")) {
      String message =
          bad("{\"prompt\":\"p\",\"responses\":[\"a\"],\"scores\":[%s]}".formatted(number))
              .error()
              .message();
      assertTrue(message.contains("JSON has no number '%s'".formatted(number)), message);
      assertFalse(message.contains("Feature"), message);
    }
  }

  @Test
  void refusesDeepNesting() {
    String deep = "[".repeat(1_000_000);
    assertEquals("line", bad("{\"prompt\":" + deep).error().field());
    assertTrue(bad("{\"prompt\":" + deep).error().found().length() <= 80);
  }
}
