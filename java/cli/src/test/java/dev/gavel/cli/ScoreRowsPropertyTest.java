package dev.gavel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.program.ExitCode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever the lines are, output has one row for each that is not blank, in order. */
class ScoreRowsPropertyTest {

  private static final byte[][] BROKEN = {
    bytes("{"),
    bytes("[1]"),
    bytes("{\"prompt\":\"p\"}"),
    bytes("{\"prompt\":\"p\",\"responses\":[]}"),
    bytes("{\"prompt\":\"p\",\"responses\":[\"a\",\"\"]}"),
    bytes("{\"prompt\":\"p\",\"responses\":[\"\\ud83d\"]}"),
    bytes("{\"prompt\":\"p\",\"prompt\":\"q\",\"responses\":[\"a\"]}"),
    bytes("{\"prompt\":\"p\",\"responses\":[\"a\"]}}"),
    bytes("\0"),
    {'"', (byte) 0xc3, '"'},
    {(byte) 0xff, (byte) 0xfe},
    bytes("[".repeat(5000)),
    bytes("{\"prompt\":\"p\",\"responses\":[" + "9".repeat(3000) + "]}"),
  };

  sealed interface Part {}

  record Good(int number, boolean windows) implements Part {}

  record Bad(int kind) implements Part {}

  record Blank(String space) implements Part {}

  /** Random bytes without line ends: what they are is left to the parser. */
  record Noise(List<Byte> content) implements Part {}

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Provide
  static Arbitrary<List<Part>> files() {
    Arbitrary<Part> good =
        Arbitraries.integers()
            .between(0, 9)
            .flatMap(n -> Arbitraries.of(true, false).map(w -> new Good(n, w)));
    Arbitrary<Part> bad =
        Arbitraries.integers().between(0, BROKEN.length - 1).map(kind -> new Bad(kind));
    Arbitrary<Part> blank = Arbitraries.of("", " ", "\t \r").map(space -> new Blank(space));
    Arbitrary<Part> noise =
        Arbitraries.bytes()
            .filter(b -> b != '\n' && b != ' ' && b != '\t' && b != '\r')
            .list()
            .ofMinSize(1)
            .ofMaxSize(40)
            .map(content -> new Noise(content));
    return Arbitraries.oneOf(good, good, bad, blank, noise).list().ofMinSize(1).ofMaxSize(60);
  }

  @Property(tries = 12)
  void nothingIsLostOrShifted(@ForAll("files") List<Part> parts) {
    ByteArrayOutputStream input = new ByteArrayOutputStream();
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      switch (parts.get(i)) {
        case Good(int number, boolean windows) -> {
          input.writeBytes(
              bytes(
                  "{\"id\":\"good %d\",\"prompt\":\"p\",\"responses\":[\"answer %d\"]}%s"
                      .formatted(number, number, windows ? "\r" : "")));
          expected.add("good " + number);
        }
        case Bad(int kind) -> {
          input.writeBytes(BROKEN[kind]);
          expected.add("line " + (i + 1));
        }
        case Blank(String space) -> input.writeBytes(bytes(space));
        case Noise(List<Byte> content) -> {
          content.forEach(input::write);
          expected.add("line " + (i + 1));
        }
      }
      input.write('\n');
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        Main.run(
            List.of("score", "--input", "-"),
            new ByteArrayInputStream(input.toByteArray()),
            out,
            err);
    List<JsonNode> rows = Run.json(out.toString(StandardCharsets.UTF_8));
    List<String> found =
        rows.stream()
            .map(row -> row.has("error") ? "line " + row.get("line") : row.get("id").asText())
            .toList();
    assertEquals(expected, found);
    boolean failed = expected.stream().anyMatch(row -> row.startsWith("line"));
    assertEquals(failed ? ExitCode.ROWS_FAILED : ExitCode.DONE, code);
    assertTrue(rows.stream().allMatch(row -> row.has("error") != row.has("scores")));
  }
}
