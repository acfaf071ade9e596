package dev.gavel.text;

import dev.gavel.HostTensor;
import dev.gavel.PackedBatch;

/**
 * Hidden states of some sequences and the rows of their responses, on their way from the backbone
 * to the head: what lets one thread run the backbone while another scores. Owns native memory of T
 * x H floats, T being the tokens of its sequences. May be closed by another thread than made it.
 */
public final class HiddenBatch implements AutoCloseable {
  private final HostTensor hidden;
  private final PackedBatch batch;

  HiddenBatch(HostTensor hidden, PackedBatch batch) {
    this.hidden = hidden;
    this.batch = batch;
  }

  /** Responses of its sequences, in order. */
  public int responses() {
    return batch.responses();
  }

  /** Hidden states and rows, for a head of the caller's: sealed, and closes with this. */
  public PackedBatch batch() {
    return batch;
  }

  @Override
  public void close() {
    batch.close();
    hidden.close();
  }
}
