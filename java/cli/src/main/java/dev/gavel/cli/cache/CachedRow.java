package dev.gavel.cli.cache;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.text.row.RowError;
import java.util.List;
import java.util.Optional;

/** A row of a cache: all that is known of it but its texts and its vectors. */
public sealed interface CachedRow {
  /** Its line in the file it is from, from 1. */
  long line();

  /** Text or whole number; JSON null where it could not be read. */
  JsonNode id();

  /** The file it is from, where there were several; else empty. */
  String file();

  /** R, how many vectors it has. */
  int responses();

  /**
   * A row with vectors, in the order of its responses.
   *
   * @param line its line
   * @param id its id
   * @param file the file it is from
   * @param subset name of the part of a data set it belongs to
   * @param prompt hash of the prompt
   * @param lengths of the responses, in code points
   * @param tokens what became of its texts
   * @param labels what people think of each response
   * @param withoutLabels why there are none
   */
  record Whole(
      long line,
      JsonNode id,
      String file,
      Optional<String> subset,
      PromptHash prompt,
      List<Integer> lengths,
      Tokens tokens,
      Optional<List<Double>> labels,
      Optional<RowError> withoutLabels)
      implements CachedRow {
    /** Copies the lists. */
    public Whole {
      lengths = List.copyOf(lengths);
      labels = labels.map(List::copyOf);
    }

    @Override
    public int responses() {
      return lengths.size();
    }
  }

  /**
   * What the tokenizer kept of the texts of a row.
   *
   * @param kept tokens kept of each response
   * @param cut tokens cut of each response
   * @param prompt tokens kept of the prompt
   * @param promptCut tokens cut of the prompt
   * @param specialLiterals literals of special tokens, read as plain text
   * @param passes sequences the backbone was run on
   * @param shared tokens it ran once for several responses
   */
  record Tokens(
      List<Integer> kept,
      List<Integer> cut,
      int prompt,
      int promptCut,
      int specialLiterals,
      int passes,
      int shared) {
    /** Copies the lists. */
    public Tokens {
      kept = List.copyOf(kept);
      cut = List.copyOf(cut);
    }
  }

  /**
   * A row without vectors.
   *
   * @param line its line
   * @param id its id
   * @param file the file it is from
   * @param prompt hash of the prompt; empty where that could not be read
   * @param error why
   */
  record Failed(long line, JsonNode id, String file, Optional<PromptHash> prompt, RowError error)
      implements CachedRow {
    @Override
    public int responses() {
      return 0;
    }
  }
}
