package dev.gavel.cli.training;

import dev.gavel.Activation;
import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.Norm;
import dev.gavel.Pooling;
import dev.gavel.RewardHead;
import dev.gavel.cli.metric.GroupFacts;
import dev.gavel.cli.metric.PromptHash;
import dev.gavel.cli.training.data.VectorGroup;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Training on few groups, whose better response has the larger sum. */
final class SmallTraining {
  static final int WIDTH = 8;

  private SmallTraining() {}

  static HeadTrainer trainer(Context context, int epochs, float learningRate) {
    return trainer(context, Norm.LAYER, new LossChoice.BradleyTerry(0, 1, 0), epochs, learningRate);
  }

  // Without a norm, which would take the sum out of a vector.
  static HeadTrainer trainer(Context context, LossChoice loss, int epochs, float learningRate) {
    return trainer(context, Norm.NONE, loss, epochs, learningRate);
  }

  static HeadTrainer trainer(
      Context context, Norm norm, LossChoice loss, int epochs, float learningRate) {
    HeadChoice head = new HeadChoice(Pooling.index(), List.of(6), Activation.SILU, norm, 1, 0.3f);
    FitChoice fit = new FitChoice(loss, epochs, 4, learningRate, 0.1f, 3);
    return new HeadTrainer(
        context, new Candidate(head, fit).spec(WIDTH), head.initDeviation(), fit);
  }

  // The better response has the larger sum, but for some where it has not.
  static List<VectorGroup> groups(int seed, int count, double noise) {
    SplittableRandom random = new SplittableRandom(seed);
    List<VectorGroup> groups = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int responses = 2 + i % 3;
      float[] vectors = new float[responses * WIDTH];
      List<Double> labels = new ArrayList<>();
      for (int response = 0; response < responses; response++) {
        double sum = 0;
        for (int j = 0; j < WIDTH; j++) {
          vectors[response * WIDTH + j] = (float) random.nextDouble(-1, 1);
          sum += vectors[response * WIDTH + j];
        }
        labels.add(random.nextDouble() < noise ? -sum : sum);
      }
      GroupFacts facts =
          new GroupFacts(
              PromptHash.of("p" + seed + "-" + i),
              java.util.Collections.nCopies(responses, 1),
              Optional.empty(),
              labels);
      groups.add(new VectorGroup(1, facts, MemorySegment.ofArray(vectors)));
    }
    return groups;
  }

  static List<List<Float>> parameters(RewardHead head) {
    List<List<Float>> all = new ArrayList<>();
    for (HeadSpec.Parameter parameter : head.spec().parameters()) {
      try (HostTensor values = head.parameter(parameter.name())) {
        List<Float> list = new ArrayList<>();
        for (float value : values.toFloats()) {
          list.add(value);
        }
        all.add(list);
      }
    }
    return all;
  }
}
