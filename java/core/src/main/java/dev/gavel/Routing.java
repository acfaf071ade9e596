package dev.gavel;

import dev.gavel.message.Counted;
import java.util.Arrays;
import java.util.List;

/**
 * Which of several heads, the experts, each response goes to: the one with the largest logit of a
 * router, which is a head with an output for each (the outer model of DMoERM, arXiv 2403.01197; its
 * softmax does not change which is largest). Of equal logits the expert with the lowest number is
 * taken.
 *
 * <p>Responses that go elsewhere are invalid for an expert, so that it neither scores them nor
 * learns from them: the scores and gradients of its own have the bits they have without the others.
 * A loss over responses of several experts is one of {@link #merge merged} scores:
 *
 * <pre>{@code
 * Routing routing = Routing.topOne(router, batch, Pooling.index());
 * for (int e = 0; e < experts.size(); e++) {                            // a step and a batch each
 *   batches.add(PackedBatch.joint(vectors, routing.to(e, spans)));     // vectors [T, C H] of C experts
 *   steps.get(e).forward(batches.get(e), Pooling.index(), readout);
 *   scores.add(steps.get(e).scores().toArray());
 * }
 * loss.evaluate(context, HostTensor.of(routing.merge(scores), responses), result);
 * steps.forEach(step -> step.backward(result.gradient(), Step.Accumulation.REPLACE));
 * }</pre>
 *
 * <p>No gradient goes through the choice. A router learns by itself, from categories: {@link
 * CrossEntropy} over its logits. Immutable.
 */
public final class Routing {
  private final int experts;
  private final int[] chosen;

  private Routing(int experts, int... chosen) {
    this.experts = experts;
    this.chosen = chosen;
  }

  /**
   * Asks a router, on the context it belongs to.
   *
   * @param router a head with an output for each expert, 2 or more
   * @param batch the rows it reads, which need not be those of the experts
   * @throws InvalidArgumentException if the router has one output
   * @throws InvalidTensorException if a logit is NaN: there is no largest one
   */
  public static Routing topOne(RewardHead router, PackedBatch batch, Pooling pooling) {
    int experts = router.spec().outputWidth();
    if (experts < 2) {
      throw new InvalidArgumentException(
          "router has %d output; it must have one for each expert, 2 or more".formatted(experts));
    }
    try (ScoreBatch logits = ScoreBatch.allocate(router.spec(), batch.items(pooling))) {
      router.score(batch, pooling, Readout.identity(), logits);
      int[] chosen = new int[logits.responses()];
      for (int r = 0; r < chosen.length; r++) {
        chosen[r] = largest(logits, r);
      }
      return new Routing(experts, chosen);
    }
  }

  private static int largest(ScoreBatch logits, int response) {
    // An invalid response has -inf everywhere.
    int best = Spans.NONE;
    for (int e = 0; e < logits.width(); e++) {
      float logit = logits.score(response, e);
      if (Float.isNaN(logit)) {
        throw new InvalidTensorException(
            "router: logit %d of response %d is NaN; look for NaN in its hidden states or the router's parameters"
                .formatted(e, response));
      }
      float most = best == Spans.NONE ? Float.NEGATIVE_INFINITY : logits.score(response, best);
      if (logit > most) {
        best = e;
      }
    }
    return best;
  }

  /** R. */
  public int responses() {
    return chosen.length;
  }

  /** Outputs of the router. */
  public int experts() {
    return experts;
  }

  /** The expert a response goes to, from 0, or {@link Spans#NONE} where it is invalid. */
  public int expert(int response) {
    return chosen[response];
  }

  /** Whether any response goes to this expert. */
  public boolean uses(int expert) {
    return Arrays.stream(chosen).anyMatch(of -> of == expert);
  }

  /**
   * The rows of the responses that go to an expert; the others have {@link Spans#NONE}.
   *
   * @param spans rows of every response in the hidden states that the expert reads
   * @throws InvalidArgumentException if there is no such expert, or there are not as many spans as
   *     responses
   */
  public Spans to(int expert, Spans spans) {
    requireExpert(expert);
    if (spans.size() != chosen.length) {
      throw new InvalidArgumentException(
          "routing of %s: %s; there must be one for each"
              .formatted(Counted.of(chosen.length, "response"), Counted.of(spans.size(), "span")));
    }
    int[] first = new int[chosen.length];
    int[] last = new int[chosen.length];
    for (int r = 0; r < chosen.length; r++) {
      boolean own = chosen[r] == expert;
      first[r] = own ? spans.first(r) : Spans.NONE;
      last[r] = own ? spans.last(r) : Spans.NONE;
    }
    return Spans.of(first, last);
  }

  /**
   * Scores of every response, by the expert it goes to.
   *
   * @param scores for each expert, of all responses: S neighbours each; empty for an expert that
   *     {@link #uses} denies
   * @return [R S]; -inf for invalid responses
   * @throws InvalidArgumentException if there are not scores of every expert, and of an expert not
   *     as many for each response
   */
  public float[] merge(List<float[]> scores) {
    if (scores.size() != experts) {
      throw new InvalidArgumentException(
          "routing to %s: scores of %d; there must be some of each"
              .formatted(Counted.of(experts, "expert"), scores.size()));
    }
    int total = scores.stream().mapToInt(of -> of.length).max().orElse(0);
    if (total == 0 || total % chosen.length != 0) {
      throw new InvalidArgumentException(
          "routing of %s: %s; there must be as many for each"
              .formatted(Counted.of(chosen.length, "response"), Counted.of(total, "score")));
    }
    int width = total / chosen.length;
    float[] merged = new float[total];
    Arrays.fill(merged, Float.NEGATIVE_INFINITY);
    for (int r = 0; r < chosen.length; r++) {
      if (chosen[r] == Spans.NONE) {
        continue;
      }
      float[] own = scores.get(chosen[r]);
      if (own.length != total) {
        throw new InvalidArgumentException(
            "scores of expert %d are %d; of %s there must be %d"
                .formatted(chosen[r], own.length, Counted.of(chosen.length, "response"), total));
      }
      System.arraycopy(own, r * width, merged, r * width, width);
    }
    return merged;
  }

  /**
   * Scores every response with the expert it goes to; the others are not asked.
   *
   * @param heads the experts, as many as the router has outputs, each with as many scores
   * @param hidden hidden states that they read
   * @param spans rows of every response there
   * @return S scores of each response; -inf for invalid ones
   * @throws InvalidArgumentException if there are not as many heads as experts, or not as many
   *     spans as responses
   */
  public float[] score(
      List<RewardHead> heads, HostTensor hidden, Spans spans, Pooling pooling, Readout readout) {
    if (heads.size() != experts) {
      throw new InvalidArgumentException(
          "routing to %s: %s; there must be one for each"
              .formatted(Counted.of(experts, "expert"), Counted.of(heads.size(), "head")));
    }
    float[][] scores = new float[experts][0];
    for (int e = 0; e < experts; e++) {
      // Where no response is valid, one expert says how many scores there would be.
      if (uses(e) || (e == 0 && Arrays.stream(chosen).allMatch(of -> of == Spans.NONE))) {
        try (PackedBatch own = PackedBatch.joint(hidden, to(e, spans))) {
          scores[e] = heads.get(e).score(own, pooling, readout);
        }
      }
    }
    return merge(List.of(scores));
  }

  private void requireExpert(int expert) {
    if (expert < 0 || expert >= experts) {
      throw new InvalidArgumentException(
          "expert %d of %d; they are numbered from 0".formatted(expert, experts));
    }
  }
}
