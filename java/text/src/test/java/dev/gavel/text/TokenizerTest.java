package dev.gavel.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
  private static final long CLASSIFICATION = 101;
  private static final long SEPARATOR = 102;

  private static Tokenizer tokenizer;

  @BeforeAll
  static void load() {
    tokenizer = BuiltInModel.tokenizer();
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  @Test
  void encodesWithoutSpecialTokens() {
    // Ids of bert-base-uncased's vocabulary.
    assertEquals(Tokens.of(7592, 1010, 2088, 999), tokenizer.encode("Hello, world!").ids());
  }

  @Test
  void doesNotCutLongText() {
    assertEquals(5000, tokenizer.encode("word ".repeat(5000)).ids().size());
  }

  @Test
  void knowsSpecialTokens() {
    assertEquals(Optional.of(SEPARATOR), tokenizer.id("[SEP]"));
    assertEquals(Optional.empty(), tokenizer.id("word"));
    assertEquals(
        List.of(
            new Piece.Special(CLASSIFICATION),
            new Piece.Fixed("hello"),
            new Piece.Special(SEPARATOR)),
        tokenizer.fixedPieces("[CLS]hello[SEP]"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[SEP]",
        "a [SEP] b",
        "[SEP][SEP]",
        "[[SEP]]",
        "x[CLS]y[PAD]z[MASK]",
        "[SE[SEP]P]",
        "\uD83D\uDE00[SEP]\uD83D\uDE00"
      })
  void readsLiteralsOfSpecialTokensAsText(String text) {
    Tokenizer.Encoded encoded = tokenizer.encode(text);
    assertTrue(encoded.specialLiterals() > 0);
    for (int i = 0; i < encoded.ids().size(); i++) {
      long id = encoded.ids().id(i);
      assertFalse(id == SEPARATOR || id == CLASSIFICATION || id == 0 || id == 103, text);
    }
  }

  @Test
  void readsALiteralAsItsOwnCharacters() {
    // What a tokenizer without special tokens gives: bracket, word piece, bracket.
    assertEquals(
        Tokens.join(
            List.of(
                tokenizer.encode("a [").ids(),
                tokenizer.encode("sep").ids(),
                tokenizer.encode("] b").ids())),
        tokenizer.encode("a [SEP] b").ids());
  }

  @Test
  void countsNothingInOrdinaryText() {
    assertEquals(0, tokenizer.encode("SEP [sep] CLS").specialLiterals());
    assertEquals(0, tokenizer.encode("").ids().size());
  }

  @Test
  void anEmptyResponseHasNoTokenOfTheTextsAroundIt() {
    try (Tokenizer bytes = ByteTokenizer.load()) {
      Tokenizer.Run run =
          bytes.encode(
              List.of(
                  new Piece.Fixed("."),
                  new Piece.Response(""),
                  new Piece.Fixed("\n"),
                  new Piece.Response("\n")),
              true);
      assertEquals(Tokens.of(ByteTokenizer.STOP_LINES), run.ids());
      assertEquals(List.of(3), run.owners());
    }
  }

  @Test
  void acceptsTheUnknownTokenForCharactersItLacks() {
    assertEquals(Tokens.of(100), tokenizer.encode("\uD83E\uDDE0\uD83E\uDDE0\uD83E\uDDE0").ids());
    assertEquals(1, tokenizer.encode("[UNK] \uD83E\uDDE0").specialLiterals());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\uD800", "a\uDC00b", "\uD83D", "\uDE00\uD83D", "ok \uD83D\uD83D\uDE00"})
  void refusesUnpairedSurrogates(String text) {
    InvalidArgumentException e =
        assertThrows(InvalidArgumentException.class, () -> tokenizer.encode(text));
    assertTrue(String.valueOf(e.getMessage()).contains("unpaired surrogate"));
  }

  @Test
  void survivesZeroAndSupplementaryCharacters() {
    // The vocabulary's normaliser drops control characters, U+0000 among them.
    assertEquals(tokenizer.encode("ab").ids(), tokenizer.encode("a\0b").ids());
    assertEquals(
        tokenizer.encode("before").ids().id(0),
        tokenizer.encode("before \uD835\uDD38 after").ids().id(0));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "{}", "{\"model\": 3}", "{\"model\":{\"type\":\"None\"}}"})
  void refusesWhatIsNoTokenizer(String content) {
    FormatException e =
        assertThrows(
            FormatException.class,
            () ->
                Tokenizer.load(
                    content.getBytes(StandardCharsets.UTF_8), Path.of("some", "tokenizer.json")));
    assertTrue(String.valueOf(e.getMessage()).contains("tokenizer.json"));
  }

  @Test
  void refusesIdsThatTheLibraryWouldRenumber() {
    String shifted = new String(ByteTokenizer.json(), StandardCharsets.UTF_8);
    assertTrue(shifted.contains("\"id\":260"));
    FormatException e =
        assertThrows(
            FormatException.class,
            () ->
                Tokenizer.load(
                    shifted.replace("\"id\":260", "\"id\":400").getBytes(StandardCharsets.UTF_8),
                    Path.of("tokenizer.json")));
    assertTrue(String.valueOf(e.getMessage()).contains("the file is inconsistent"));
  }

  @Test
  void refusesToPlaceTokensThatSwallowBlanks() {
    byte[] content =
        new String(ByteTokenizer.json(), StandardCharsets.UTF_8)
            .replaceFirst("\"rstrip\":false", "\"rstrip\":true")
            .getBytes(StandardCharsets.UTF_8);
    try (Tokenizer stripping = Tokenizer.load(content, Path.of("tokenizer.json"))) {
      InvalidArgumentException e =
          assertThrows(InvalidArgumentException.class, () -> stripping.fixedPieces("<|start|> a"));
      assertTrue(String.valueOf(e.getMessage()).contains("<|start|>"));
      assertEquals(2, stripping.fixedPieces("<|end|> a").size());
    }
  }

  @Test
  void useAfterCloseIsAnError() {
    Tokenizer closed = ByteTokenizer.load();
    closed.close();
    closed.close();
    assertThrows(IllegalStateException.class, () -> closed.encode("a"));
  }
}
