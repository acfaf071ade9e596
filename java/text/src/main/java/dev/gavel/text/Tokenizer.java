package dev.gavel.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Turns text into token ids with a Hugging Face {@code tokenizer.json}.
 *
 * <p>It adds no special tokens, cuts nothing and pads nothing: layouts do that, explicitly. Text is
 * text: where it contains the literal of a special token, such as {@code [SEP]}, it is taken apart
 * inside that literal, so that no response can place a separator or end a turn. Many threads may
 * use one.
 */
public final class Tokenizer implements AutoCloseable {
  static {
    // The tokenizer library would try to download a CUDA build where it finds a matching GPU, and
    // would report its use to its makers.
    System.setProperty("RUST_FLAVOR", "cpu");
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
  }

  // The largest published vocabularies take some forty million.
  private static final int MOST_BYTES = 1 << 29;

  private final HuggingFaceTokenizer tokenizer;
  // Of texts behind another; the same object where the tokenizer makes no difference.
  private final HuggingFaceTokenizer continuing;
  private final TokenizerFile file;
  private final SpecialTokens special;
  private final UseCount uses = new UseCount("tokenizer");

  private Tokenizer(
      HuggingFaceTokenizer tokenizer, HuggingFaceTokenizer continuing, TokenizerFile file) {
    this.tokenizer = tokenizer;
    this.continuing = continuing;
    this.file = file;
    this.special = file.special();
  }

  /**
   * Ids of a text.
   *
   * @param ids token ids without special tokens
   * @param specialLiterals places where the text had the literal of a special token, taken as plain
   *     text
   */
  public record Encoded(Tokens ids, int specialLiterals) {}

  /**
   * Loads a tokenizer.
   *
   * @param file a {@code tokenizer.json}
   * @throws FileException if it cannot be read
   * @throws FormatException if it is not one
   * @throws dev.gavel.NativeLoadException if the tokenizer library has no native code here
   */
  public static Tokenizer load(Path file) {
    return load(ModelFiles.read(file, MOST_BYTES), file);
  }

  /**
   * Loads a tokenizer from memory.
   *
   * @param content what a {@code tokenizer.json} contains
   * @param name where it came from, for messages
   */
  static Tokenizer load(byte[] content, Path name) {
    TokenizerFile file = TokenizerFile.parse(content, name);
    HuggingFaceTokenizer tokenizer = open(content, name);
    HuggingFaceTokenizer continuing = tokenizer;
    try {
      if (file.continuing().isPresent()) {
        continuing = open(file.continuing().get().getBytes(UTF_8), name);
      }
      Tokenizer loaded = new Tokenizer(tokenizer, continuing, file);
      loaded.checkIds(name);
      return loaded;
    } catch (RuntimeException e) {
      close(tokenizer, continuing);
      throw e;
    }
  }

  private static void close(HuggingFaceTokenizer tokenizer, HuggingFaceTokenizer continuing) {
    tokenizer.close();
    if (continuing != tokenizer) {
      continuing.close();
    }
  }

  private static HuggingFaceTokenizer open(byte[] content, Path name) {
    try {
      return HuggingFaceTokenizer.newInstance(
          new ByteArrayInputStream(content),
          Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false"));
    } catch (EngineException | LinkageError e) {
      throw NativeLibraries.notLoaded(
          "the tokenizer library", "ai.djl.tokenizers", "~/.djl.ai or DJL_CACHE_DIR", e);
    } catch (IOException | RuntimeException e) {
      throw new FormatException(name, "was refused by the tokenizer library: " + e.getMessage(), e);
    }
  }

  /** The id of an added token, for instance {@code [SEP]}. */
  public Optional<Long> id(String token) {
    return Optional.ofNullable(file.addedTokens().get(token));
  }

  /**
   * Encodes text as plain text.
   *
   * @throws InvalidArgumentException if it holds half of a surrogate pair, which no UTF-8 text can
   */
  public Encoded encode(String text) {
    Run run = encode(List.of(new Piece.Response(text)), true);
    return new Encoded(run.ids(), run.specialLiterals());
  }

  /**
   * Tokens of several texts that stand side by side and are tokenised as one.
   *
   * @param ids token ids, without special tokens
   * @param owners for every token, the text it belongs to; they never fall
   * @param starts for every token, its first character among those of all texts, in code points
   * @param specialLiterals literals of special tokens that were taken apart
   */
  record Run(Tokens ids, List<Integer> owners, List<Integer> starts, int specialLiterals) {}

  /**
   * Encodes texts that stand side by side as one plain text, as the library would encode them. A
   * token that reaches over a border, such as a full stop joined with a line end, belongs to the
   * text it starts in; if that is fixed text, to the first text of a row that it reaches into.
   *
   * @param begins whether nothing stands in front of the texts, not even a special token: some
   *     tokenizers of SentencePiece's kind put a blank in front of such a text alone
   */
  Run encode(List<? extends Piece.Text> texts, boolean begins) {
    StringBuilder joined = new StringBuilder();
    int[] ends = new int[texts.size()]; // in code points, as the library counts
    int end = 0;
    for (int i = 0; i < ends.length; i++) {
      String text = texts.get(i).text();
      requirePaired(text);
      joined.append(text);
      end += text.codePointCount(0, text.length());
      ends[i] = end;
    }
    SpecialTokens.Pieces pieces = special.takeApart(joined.toString());
    List<Tokens> ids = new ArrayList<>();
    List<Integer> owners = new ArrayList<>();
    List<Integer> starts = new ArrayList<>();
    int from = 0;
    for (String piece : pieces.texts()) {
      if (piece.isEmpty()) {
        continue;
      }
      Encoding encoding = encoding(piece, begins && from == 0);
      ids.add(plain(encoding.getIds(), piece));
      for (CharSpan span : encoding.getCharTokenSpans()) {
        // A token that stands for no character, such as a word's start in front of the text, has
        // no span or an empty one.
        int start = span == null ? 0 : span.getStart();
        int last = span == null ? 0 : Math.max(start, span.getEnd() - 1);
        owners.add(owner(texts, ends, from + start, from + last));
        starts.add(from + start);
      }
      from += piece.codePointCount(0, piece.length());
    }
    return new Run(Tokens.join(ids), List.copyOf(owners), List.copyOf(starts), pieces.literals());
  }

  private static int owner(List<? extends Piece.Text> texts, int[] ends, int start, int last) {
    int startsIn = 0;
    while (startsIn < ends.length - 1 && start >= ends[startsIn]) {
      startsIn++;
    }
    int from = start;
    for (int i = startsIn; i < ends.length && from <= last; i++) {
      // An empty text has no character that a token could reach, so none is its own: an empty
      // response would be scored by the tokens around it.
      if (from < ends[i] && !(texts.get(i) instanceof Piece.Fixed)) {
        return i;
      }
      from = Math.max(from, ends[i]);
    }
    return startsIn;
  }

  /** Takes text of a layout or a template apart: literals in it mean the special tokens. */
  List<Piece> fixedPieces(String text) {
    requirePaired(text);
    List<Piece> pieces = new ArrayList<>();
    int from = 0;
    for (SpecialTokens.Found found : special.find(text)) {
      if (!found.special().exact()) {
        throw new InvalidArgumentException(
            "the layout or template uses special token %s, which the tokenizer joins with blanks or letters around it; only tokens without lstrip, rstrip, single_word and normalized can be placed"
                .formatted(found.special().literal()));
      }
      if (found.start() > from) {
        pieces.add(new Piece.Fixed(text.substring(from, found.start())));
      }
      pieces.add(new Piece.Special(found.special().id()));
      from = found.end();
    }
    if (from < text.length()) {
      pieces.add(new Piece.Fixed(text.substring(from)));
    }
    return pieces;
  }

  /**
   * Literals of special tokens in a text.
   *
   * @param what the text is, for messages
   * @throws InvalidArgumentException if it holds half of a surrogate pair
   */
  int specialLiterals(String what, String text) {
    try {
      requirePaired(text);
    } catch (InvalidArgumentException e) {
      throw new InvalidArgumentException(what + ": " + e.getMessage());
    }
    return special.takeApart(text).literals();
  }

  /** Version of the tokenizer library. */
  static String libraryVersion() {
    String version = HuggingFaceTokenizer.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  /**
   * Frees the tokenizer.
   *
   * @throws IllegalStateException if a call uses it
   */
  @Override
  public void close() {
    if (uses.close()) {
      close(tokenizer, continuing);
    }
  }

  private Encoding encoding(String text, boolean begins) {
    uses.begin();
    try {
      return (begins ? tokenizer : continuing).encode(text, false, false);
    } finally {
      uses.end();
    }
  }

  /** The ids of plain text, which no special token may be among. */
  private Tokens plain(long[] ids, String piece) {
    for (long id : ids) {
      special
          .forbidden(id)
          .ifPresent(found -> {
            throw new InvalidArgumentException(
                "the text '%s' becomes special token %s in a way that cannot be prevented; change the text"
                    .formatted(Excerpt.of(piece), found.literal()));
          });
    }
    return Tokens.of(ids);
  }

  /**
   * The library renumbers added tokens whose ids do not follow the vocabulary, without a word; ids
   * read from the file would then place other tokens.
   */
  private void checkIds(Path name) {
    file.addedTokens()
        .forEach((literal, id) -> {
          long[] ids = tokenizer.encode(literal, false, false).getIds();
          if (ids.length != 1 || ids[0] != id) {
            throw new FormatException(
                name,
                "gives added token %s the id %d, the tokenizer library encodes it as %s; the file is inconsistent"
                    .formatted(literal, id, java.util.Arrays.toString(ids)));
          }
        });
  }

  /** JNI would turn half a surrogate pair into U+FFFD without a word. */
  private static void requirePaired(String text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (Character.isHighSurrogate(unit)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(unit)) {
        throw new InvalidArgumentException(
            "text has an unpaired surrogate, U+%04X, at character %d; it is not valid Unicode: mend the source"
                .formatted((int) unit, i));
      }
    }
  }
}
