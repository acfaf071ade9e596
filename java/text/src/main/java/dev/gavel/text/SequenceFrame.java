package dev.gavel.text;

import java.util.ArrayList;
import java.util.List;

/**
 * What stands around the responses in a sequence: {@code before response (beforeSeparator separator
 * afterSeparator response)* after}. The prompt is part of {@code before}.
 *
 * @param before everything up to the first response
 * @param beforeSeparator filler between a response and the separator that follows it, for instance
 *     two line ends in the YOJO layout (arXiv 2604.10966); it counts as the end of that response,
 *     whose last row is the one before the separator
 * @param separator id of the one token between two responses
 * @param afterSeparator filler between a separator and the response that follows it
 * @param after everything after the last response
 * @param afterEndsResponse whether what follows counts as the end of the last response (decoders
 *     that are read at the last token of the sequence) or not (encoders that end with a separator)
 * @param trim what a chat template strips from the assistant's text
 */
record SequenceFrame(
    List<Piece> before,
    List<Piece> beforeSeparator,
    long separator,
    List<Piece> afterSeparator,
    List<Piece> after,
    boolean afterEndsResponse,
    Trim trim) {

  SequenceFrame {
    before = List.copyOf(before);
    beforeSeparator = List.copyOf(beforeSeparator);
    afterSeparator = List.copyOf(afterSeparator);
    after = List.copyOf(after);
  }

  /** All pieces of a sequence with these responses, in order. */
  List<Piece> pieces(List<String> responses) {
    List<Piece> pieces = new ArrayList<>(before);
    for (int i = 0; i < responses.size(); i++) {
      if (i > 0) {
        pieces.addAll(beforeSeparator);
        pieces.add(new Piece.Separator(separator));
        pieces.addAll(afterSeparator);
      }
      boolean first = i == 0;
      boolean last = i == responses.size() - 1;
      pieces.add(new Piece.Response(trim.apply(responses.get(i), first, last)));
    }
    pieces.addAll(after);
    return pieces;
  }
}
