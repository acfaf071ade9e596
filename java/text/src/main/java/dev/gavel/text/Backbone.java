package dev.gavel.text;

import dev.gavel.HostTensor;
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
   */
  void run(List<Tokens> sequences, HostTensor hidden);

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
