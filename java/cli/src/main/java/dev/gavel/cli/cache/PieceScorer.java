package dev.gavel.cli.cache;

import dev.gavel.text.VectorModel;

/** Scores responses of a file of a cache, some at a time. One thread. */
interface PieceScorer extends AutoCloseable {
  /**
   * A scorer for what the head of a model takes and gives.
   *
   * @param model stays open
   */
  static PieceScorer of(VectorModel model) {
    return model.outputs().width() == 1 && model.gateRows().isEmpty()
        ? new CacheScoring.VectorScorer(model.head(), model.readout())
        : new ObjectiveScorer(model);
  }

  /**
   * Scores responses.
   *
   * @param first the first of them
   * @param sizes responses of each prompt
   * @return what {@link VectorModel#outputs} says of each response, response by response
   */
  float[] score(CacheShard shard, int first, int[] sizes);

  @Override
  void close();
}
