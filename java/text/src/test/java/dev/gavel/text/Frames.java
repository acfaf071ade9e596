package dev.gavel.text;

import static dev.gavel.text.ByteTokenizer.END;
import static dev.gavel.text.ByteTokenizer.SEPARATOR;
import static dev.gavel.text.ByteTokenizer.START;

import java.util.List;

/** Frames that tests pack responses into. */
final class Frames {
  private Frames() {}

  /** {@code <start> prompt <sep> response <sep> response <sep>}, as BERT has it. */
  static SequenceFrame encoder(String prompt) {
    Piece separator = new Piece.Special(SEPARATOR);
    return new SequenceFrame(
        List.of(new Piece.Special(START), new Piece.Prompt(prompt, true), separator),
        List.of(),
        SEPARATOR,
        List.of(),
        List.of(separator),
        false,
        Trim.NOTHING);
  }

  /** The layout of "You Only Judge Once": line ends around a separator between responses only. */
  static SequenceFrame yojo(String prompt) {
    List<Piece> lines = List.of(new Piece.Fixed("\n\n"));
    return new SequenceFrame(
        List.of(
            new Piece.Special(START),
            new Piece.Prompt(prompt, true),
            new Piece.Special(END),
            new Piece.Fixed("\n")),
        lines,
        SEPARATOR,
        lines,
        List.of(new Piece.Special(END), new Piece.Fixed("\n")),
        true,
        Trim.NOTHING);
  }

  /** These pieces, and a response. */
  static SequenceFrame inFront(Piece... pieces) {
    return new SequenceFrame(
        List.of(pieces), List.of(), SEPARATOR, List.of(), List.of(), false, Trim.NOTHING);
  }
}
