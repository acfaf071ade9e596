package dev.gavel.text;

import dev.gavel.Spans;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tokenises sequences of one group. Texts that stand side by side are tokenised as one, as the
 * model saw them in training, and special tokens are placed between; then each text of a row is cut
 * to its limit, and nothing else is.
 *
 * <p>Runs of text that come again, such as the prompt, are tokenised once.
 */
final class SequenceTokens {

  /**
   * A tokenised sequence.
   *
   * @param ids token ids
   * @param spans rows of its responses
   * @param prompt tokens of the prompt
   * @param responses tokens of each response
   */
  record Sequence(Tokens ids, Spans spans, Count prompt, List<Count> responses) {}

  /**
   * Tokens of a text of a row.
   *
   * @param kept in the sequence
   * @param cut left out at its end
   */
  record Count(int kept, int cut) {
    static final Count NONE = new Count(0, 0);

    Count plus(Count other) {
      return new Count(kept + other.kept, cut + other.cut);
    }
  }

  private final Tokenizer tokenizer;
  private final Map<Texts, Tokenizer.Run> runs = new HashMap<>();

  private record Texts(List<Piece.Text> texts, boolean begin) {}

  SequenceTokens(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Tokenises one sequence.
   *
   * @param promptLimit most tokens kept of all texts of the prompt together
   * @param responseLimits most tokens kept of each response
   */
  Sequence tokenize(
      SequenceFrame frame, List<String> responses, int promptLimit, List<Integer> responseLimits) {
    Building building = new Building(promptLimit, responseLimits);
    List<Piece.Text> texts = new ArrayList<>();
    for (Piece piece : frame.pieces(responses)) {
      switch (piece) {
        case Piece.Text text -> texts.add(text);
        case Piece.Special(long id) -> {
          building.addRun(texts);
          texts.clear();
          building.add(id);
        }
        case Piece.Break() -> {
          building.addRun(texts);
          texts.clear();
          building.begin();
        }
        case Piece.Separator(long id) -> {
          building.addRun(texts);
          texts.clear();
          building.endResponse();
          building.add(id);
        }
      }
    }
    building.addRun(texts);
    if (frame.afterEndsResponse()) {
      building.endResponse();
    }
    return building.finish();
  }

  private final class Building {
    private final List<Integer> responseLimits;
    private final List<Tokens> ids = new ArrayList<>();
    private final List<Count> responses = new ArrayList<>();
    private final int[] first;
    private final int[] last;
    private int size;
    private boolean begins = true;
    private int promptLeft;
    private Count prompt = Count.NONE;

    Building(int promptLimit, List<Integer> responseLimits) {
      this.promptLeft = promptLimit;
      this.responseLimits = responseLimits;
      this.first = new int[responseLimits.size()];
      this.last = new int[responseLimits.size()];
      Arrays.fill(first, Spans.NONE);
      Arrays.fill(last, Spans.NONE);
    }

    void add(long id) {
      ids.add(Tokens.of(id));
      size++;
      begins = false;
    }

    /** What comes next is tokenised as if nothing stood in front of it. */
    void begin() {
      begins = true;
    }

    /** The last response so far reaches up to here. */
    void endResponse() {
      int response = responses.size() - 1;
      if (first[response] != Spans.NONE) {
        last[response] = size - 1;
      }
    }

    void addRun(List<Piece.Text> texts) {
      if (texts.isEmpty()) {
        return;
      }
      List<Piece.Text> rest = List.copyOf(texts);
      while (!rest.isEmpty()) {
        rest = addUpToACut(rest);
      }
    }

    /** Adds texts up to the first that is cut; returns those after it, which start a new run. */
    private List<Piece.Text> addUpToACut(List<Piece.Text> texts) {
      Tokenizer.Run run =
          runs.computeIfAbsent(
              new Texts(texts, begins), key -> tokenizer.encode(key.texts(), key.begin()));
      begins = false;
      int from = 0;
      for (int i = 0; i < texts.size(); i++) {
        int to = from;
        while (to < run.owners().size() && run.owners().get(to) == i) {
          to++;
        }
        int kept = keep(texts.get(i), to - from);
        ids.add(run.ids().slice(from, from + kept));
        size += kept;
        if (kept < to - from) {
          List<Piece.Text> rest = new ArrayList<>();
          if (kept == 0) {
            rest.addAll(fixedBefore(texts.subList(0, i), run.starts().get(from)));
          }
          rest.addAll(texts.subList(i + 1, texts.size()));
          return List.copyOf(rest);
        }
        from = to;
      }
      return List.of();
    }

    /**
     * What the first token of a text took of the fixed text in front of it, which must not go with
     * that token where nothing of the text is kept.
     *
     * @param texts those in front of the text
     * @param start first character of the token, in code points of all texts
     */
    private static List<Piece.Text> fixedBefore(List<Piece.Text> texts, int start) {
      StringBuilder taken = new StringBuilder();
      int from = 0;
      for (Piece.Text before : texts) {
        String text = before.text();
        int length = text.codePointCount(0, text.length());
        if (from + length > start) {
          taken.append(text.substring(text.offsetByCodePoints(0, Math.max(0, start - from))));
        }
        from += length;
      }
      return taken.isEmpty() ? List.of() : List.of(new Piece.Fixed(taken.toString()));
    }

    /** How many of a text's tokens are kept; counts them. */
    private int keep(Piece.Text text, int tokens) {
      return switch (text) {
        case Piece.Fixed fixed -> tokens;
        case Piece.Prompt(String content, boolean cuttable) -> {
          int kept = cuttable ? Math.min(tokens, promptLeft) : tokens;
          promptLeft = Math.max(0, promptLeft - kept);
          prompt = prompt.plus(new Count(kept, tokens - kept));
          yield kept;
        }
        case Piece.Response response -> {
          int index = responses.size();
          int kept = Math.min(tokens, responseLimits.get(index));
          responses.add(new Count(kept, tokens - kept));
          if (kept > 0) {
            first[index] = size;
            last[index] = size + kept - 1;
          }
          yield kept;
        }
      };
    }

    Sequence finish() {
      return new Sequence(Tokens.join(ids), Spans.of(first, last), prompt, List.copyOf(responses));
    }
  }
}
