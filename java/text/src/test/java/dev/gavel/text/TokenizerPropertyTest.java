package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** With a tokenizer whose tokens are bytes, what comes out says exactly what went in. */
class TokenizerPropertyTest {
  private static Tokenizer tokenizer;

  @BeforeContainer
  static void load() {
    tokenizer = ByteTokenizer.load();
  }

  @AfterContainer
  static void close() {
    tokenizer.close();
  }

  /** Any Unicode, with literals of special tokens, parts of them and blanks mixed in. */
  @Provide
  Arbitrary<String> texts() {
    Arbitrary<String> any =
        Arbitraries.integers()
            .between(0, Character.MAX_CODE_POINT)
            .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
            .map(Character::toString);
    Arbitrary<String> chosen =
        Arbitraries.of(
            "<|start|>",
            "<|end|>",
            "<|resp_sep|>",
            "<think>",
            "<|",
            "|>",
            "<|end",
            "start|>",
            "<",
            ".\n\n",
            "\n",
            "\n\n",
            "\0",
            "a",
            "\uD83D\uDE00",
            "\uFFFF",
            "\uFFFD",
            "\u0800",
            " ");
    return Arbitraries.oneOf(any, chosen).list().ofMaxSize(30).map(parts -> String.join("", parts));
  }

  /** Texts beside each other: half of them are short, so that tokens reach over whole texts. */
  @Provide
  Arbitrary<String> neighbours() {
    return Arbitraries.oneOf(texts(), Arbitraries.of("", ".", "\n", "\n\n", ".\n", "<thi", "nk>"));
  }

  /** The bytes that tokens of the byte-level tokenizer stand for. */
  private static byte[] bytes(Tokens ids) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 0; i < ids.size(); i++) {
      long id = ids.id(i);
      if (id == ByteTokenizer.LINES) {
        out.writeBytes("\n\n".getBytes(StandardCharsets.UTF_8));
      } else if (id == ByteTokenizer.STOP_LINES) {
        out.writeBytes(".\n\n".getBytes(StandardCharsets.UTF_8));
      } else if (id == ByteTokenizer.THINK) {
        out.writeBytes("<think>".getBytes(StandardCharsets.UTF_8));
      } else {
        assertTrue(id < 256, "special token " + id + " came out of plain text");
        out.write((int) id);
      }
    }
    return out.toByteArray();
  }

  @Property(tries = 3000)
  void noCharacterIsLostAndNoSpecialTokenComesOut(@ForAll("texts") String text) {
    Tokenizer.Encoded encoded = tokenizer.encode(text);
    assertArrayEquals(text.getBytes(StandardCharsets.UTF_8), bytes(encoded.ids()));
    boolean hasLiteral =
        text.contains("<|start|>") || text.contains("<|end|>") || text.contains("<|resp_sep|>");
    assertEquals(hasLiteral, encoded.specialLiterals() > 0);
  }

  @Property(tries = 2000)
  void tokensOfNeighboursBelongToTheirTexts(
      @ForAll("neighbours") String before,
      @ForAll("neighbours") String response,
      @ForAll("neighbours") String after) {
    List<Piece.Text> texts =
        List.of(new Piece.Fixed(before), new Piece.Response(response), new Piece.Fixed(after));
    Tokenizer.Run run = tokenizer.encode(texts, true);
    assertEquals(tokenizer.encode(before + response + after).ids(), run.ids());
    assertEquals(run.ids().size(), run.owners().size());
    List<Integer> sorted = new ArrayList<>(run.owners());
    sorted.sort(null);
    assertEquals(sorted, run.owners());
    int first = run.owners().indexOf(1);
    int last = run.owners().lastIndexOf(1);
    if (response.isEmpty()) {
      assertEquals(-1, first);
      return;
    }
    // The response's tokens cover the response, and reach at most one token over each border.
    String own = new String(bytes(run.ids().slice(first, last + 1)), StandardCharsets.UTF_8);
    assertTrue(own.contains(response), own);
    assertTrue(own.length() <= response.length() + 2 + "<think>".length() * 2, own);
  }

  @Property(tries = 500)
  void fixedTextIsTakenApartAtItsSpecialTokens(@ForAll("texts") String text) {
    StringBuilder joined = new StringBuilder();
    for (Piece piece : tokenizer.fixedPieces(text)) {
      switch (piece) {
        case Piece.Special(long id) ->
            joined.append(
                id == ByteTokenizer.START
                    ? "<|start|>"
                    : id == ByteTokenizer.END ? "<|end|>" : "<|resp_sep|>");
        case Piece.Separator _, Piece.Break _ ->
            throw new AssertionError("separators and breaks come from frames");
        case Piece.Text fixed -> {
          assertEquals(0, tokenizer.specialLiterals("text", fixed.text()));
          joined.append(fixed.text());
        }
      }
    }
    assertEquals(text, joined.toString());
  }
}
