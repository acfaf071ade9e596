package dev.gavel.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.HostTensor;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of the documentation do what they say. */
class ExamplesTest {

  @Test
  void aTrainedHeadPrefersWhatItWasTrainedToPrefer(@TempDir Path directory) {
    int count = 64;
    int width = 24;
    SplittableRandom random = new SplittableRandom(5);
    float[] vectors = new float[count * width];
    for (int i = 0; i < vectors.length; i++) {
      vectors[i] = (float) random.nextDouble(-1, 1);
    }
    // Of two neighbours the one with the larger first value is the better one.
    long[] better = new long[count];
    for (int i = 0; i < count; i += 2) {
      boolean first = vectors[i * width] > vectors[(i + 1) * width];
      better[i] = first ? i : i + 1;
      better[i + 1] = first ? i + 1 : i;
    }
    Path file = directory.resolve("head.safetensors");
    try (HostTensor responses = HostTensor.of(vectors, count, width);
        HostTensor pairs = HostTensor.of(better, count / 2, 2)) {
      float untrained = TrainHead.train(responses, pairs, 1, file);
      float trained = TrainHead.train(responses, pairs, 200, file);
      assertEquals(Math.log(2), untrained, 0.1);
      assertTrue(trained < 0.05, "loss after 200 steps is " + trained);
    }
    // Two responses in one sequence: 1 prompt token, response, separator, response.
    float[] hidden = new float[4 * width];
    int good = (int) better[0];
    int bad = (int) better[1];
    System.arraycopy(vectors, good * width, hidden, width, width);
    System.arraycopy(vectors, bad * width, hidden, 3 * width, width);
    float[] scores = ScoreResponses.score(file, new long[] {11, 12, 99, 13}, 1, 99, hidden);
    assertEquals(2, scores.length);
    assertTrue(scores[0] > scores[1], scores[0] + " against " + scores[1]);
  }
}
