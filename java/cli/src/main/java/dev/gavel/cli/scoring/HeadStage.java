package dev.gavel.cli.scoring;

import dev.gavel.text.HiddenBatch;
import dev.gavel.text.RewardModel;
import java.util.List;

/** What is done with hidden states: scores, or vectors to keep. One thread. */
public interface HeadStage extends AutoCloseable {
  /** Numbers per response. */
  int width();

  /** Numbers of the responses of a batch, response by response. */
  float[] run(HiddenBatch hidden);

  @Override
  void close();

  /** The scores and objectives of a model, which stays open. */
  static HeadStage scores(RewardModel model) {
    return new HeadStage() {
      @Override
      public int width() {
        return model.width();
      }

      @Override
      public float[] run(HiddenBatch hidden) {
        List<Float> scores = model.score(hidden);
        float[] values = new float[scores.size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = scores.get(i);
        }
        return values;
      }

      @Override
      public void close() {}
    };
  }
}
