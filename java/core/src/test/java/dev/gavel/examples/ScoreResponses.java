package dev.gavel.examples;

import dev.gavel.Context;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import java.nio.file.Path;

/** Scores the responses of one prompt that a backbone read in one joint sequence. */
public final class ScoreResponses {
  private ScoreResponses() {}

  /**
   * Scores of all responses, in order.
   *
   * @param head a head {@link RewardHead#save} wrote
   * @param ids token ids of prompt and responses, without padding
   * @param promptTokens how many of them are the prompt
   * @param separatorId id of the token between two responses
   * @param hiddenStates what the backbone made of the ids, row by row
   */
  public static float[] score(
      Path head, long[] ids, int promptTokens, long separatorId, float[] hiddenStates) {
    Spans spans =
        IndexRule.beforeSeparator(separatorId).spans(TokenSequence.unpadded(ids, promptTokens));
    int width = hiddenStates.length / ids.length;
    try (Context context = Context.open();
        RewardHead reward = RewardHead.load(context, head);
        HostTensor hidden = HostTensor.of(hiddenStates, ids.length, width);
        PackedBatch batch = PackedBatch.joint(hidden, spans)) {
      return reward.score(batch, Pooling.index(), Readout.identity());
    }
  }
}
