package dev.gavel.text;

import dev.gavel.HostTensor;
import java.util.Collections;
import java.util.List;

/**
 * A language model that turns token sequences into hidden states. Many threads may run one at once.
 */
public interface Backbone extends AutoCloseable {
  /** H, the width of a hidden state. */
  int width();

  /**
   * Hidden states of the last layer for every token of every sequence.
   *
   * @param sequences token ids of each sequence, without padding, none empty
   * @param hidden f32 [T, H], where T is the sum of the lengths; row t of it is written for token t
   *     of the sequences one after another
   * @throws dev.gavel.InvalidArgumentException if a sequence has more tokens than the backbone runs
   * @throws dev.gavel.InvalidTensorException if hidden has another shape or type
   * @throws dev.gavel.GavelException if the backbone fails
   * @throws IllegalStateException if the backbone is closed
   */
  default void run(List<Tokens> sequences, HostTensor hidden) {
    run(sequences, Collections.nCopies(sequences.size(), Blocks.none()), hidden);
  }

  /**
   * {@link #run(List, HostTensor)} of sequences in which responses share their prompt.
   *
   * @param blocks how each sequence is divided; divided ones only where {@link #longestShared} is
   *     not 0
   * @throws dev.gavel.InvalidArgumentException as there, or if a sequence is divided and cannot be
   * @throws dev.gavel.InvalidTensorException if hidden has another shape or type
   * @throws dev.gavel.GavelException if the backbone fails
   * @throws IllegalStateException if the backbone is closed
   */
  void run(List<Tokens> sequences, List<Blocks> blocks, HostTensor hidden);

  /**
   * Most tokens of a sequence in which responses share their prompt and get the hidden states they
   * have alone, within rounding; 0 where the backbone cannot run one.
   */
  default int longestShared() {
    return 0;
  }

  /**
   * Whether the hidden states of a sequence have the same bits whatever other sequences are in the
   * call, in any order, and whatever the threads.
   */
  boolean invariant();

  /** What it is, for people. */
  String description();

  @Override
  void close();
}
