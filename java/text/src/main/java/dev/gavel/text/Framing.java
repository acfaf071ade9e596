package dev.gavel.text;

import java.util.List;

/** How the frame of a group's sequences came about. */
interface Framing {

  /** What stands around the responses. */
  SequenceFrame frame();

  /**
   * Checks that a sequence with these responses, as the chat template renders it, is the frame with
   * the responses in it.
   *
   * @throws dev.gavel.InvalidArgumentException if the template treats one of them in another way
   */
  void check(List<String> responses);

  /** A frame that no template stands behind. */
  static Framing of(SequenceFrame frame) {
    return new Framing() {
      @Override
      public SequenceFrame frame() {
        return frame;
      }

      @Override
      public void check(List<String> responses) {
        // Nothing can differ: the frame is the definition.
      }
    };
  }
}
