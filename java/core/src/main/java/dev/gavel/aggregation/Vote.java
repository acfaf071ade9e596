package dev.gavel.aggregation;

import dev.gavel.InvalidArgumentException;
import dev.gavel.message.Counted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Voting over the final answers of responses: an answer's total is the sum of f(score) of the
 * responses that give it. COUNT is self-consistency (arXiv 2203.11171); SUM and SIGMOID_SUM are
 * weighted votes of ImplicitPRM and BiPRM.
 */
public sealed interface Vote {
  /** f = 1: the majority. */
  static Vote count() {
    return new Count();
  }

  /** f = score. */
  static Vote sum() {
    return new Sum();
  }

  /** f = 1 / (1 + exp(-score)). */
  static Vote sigmoidSum() {
    return new SigmoidSum();
  }

  /**
   * f = exp((score - highest score) / T): exp(score / T) but for a factor that all answers share.
   *
   * @param temperature T, more than 0
   */
  static Vote expSum(double temperature) {
    return new ExpSum(temperature);
  }

  /** f of every score. */
  double[] weights(double... scores);

  /**
   * Counts.
   *
   * @param answers the answer of each response, compared by {@code equals}
   * @param scores one per response; those with -infinity, which have no token, do not vote
   * @param <A> type of answers
   * @throws InvalidArgumentException if no response votes
   */
  default <A> Outcome<A> of(List<A> answers, double... scores) {
    Numbers.requireSameLength("answers", answers.size(), "scores", scores.length);
    Numbers.requireScores("score", scores);
    int[] voters =
        IntStream.range(0, scores.length)
            .filter(i -> scores[i] != Double.NEGATIVE_INFINITY)
            .toArray();
    Numbers.requireSome("response with a token", voters.length);
    double[] weights = weights(Arrays.stream(voters).mapToDouble(i -> scores[i]).toArray());
    List<A> given = new ArrayList<>(answers);
    SequencedMap<A, DoubleStream.Builder> votes = new LinkedHashMap<>();
    for (int i = 0; i < voters.length; i++) {
      votes.computeIfAbsent(given.get(voters[i]), _ -> DoubleStream.builder()).add(weights[i]);
    }
    // Each sum rounded once, so that the order of responses neither makes nor breaks a tie.
    SequencedMap<A, Double> totals = new LinkedHashMap<>();
    votes.forEach((answer, of) -> totals.put(answer, Numbers.sum(of.build().toArray())));
    return new Outcome<>(totals);
  }

  /**
   * Generalist reward models: each response is scored k times, and a judge of the judgements says
   * which to believe (DeepSeek-GRM, arXiv 2504.02495).
   *
   * @param keep samples to keep for each response, those with the highest meta score, the first of
   *     equals
   * @param samples point scores of one response, finite
   * @param metaScores one per sample, finite
   * @return the sum of the kept ones
   * @throws InvalidArgumentException if there is not a finite meta score for each finite sample, or
   *     keep is less than 1 or more than the samples
   */
  static double sumOfTrusted(int keep, double[] samples, double[] metaScores) {
    Numbers.requireSameLength("samples", samples.length, "meta scores", metaScores.length);
    Numbers.requireFinite("sample", samples);
    Numbers.requireFinite("meta score", metaScores);
    if (keep > samples.length) {
      throw new InvalidArgumentException(
          "keep %d of %s; there are not so many"
              .formatted(keep, Counted.of(samples.length, "sample")));
    }
    return Numbers.sum(
        Selection.topK(keep, metaScores).stream().mapToDouble(i -> samples[i]).toArray());
  }

  /**
   * Totals of the answers, in the order in which they first came.
   *
   * @param totals more than one answer never has the same key
   * @param <A> type of answers
   */
  record Outcome<A>(SequencedMap<A, Double> totals) {
    /** Takes a copy. */
    public Outcome {
      totals = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(totals));
    }

    /** All answers with the highest total, in the order in which they first came. */
    public List<A> leaders() {
      double most = totals.values().stream().mapToDouble(Double::doubleValue).max().orElseThrow();
      return totals.entrySet().stream()
          .filter(entry -> entry.getValue() == most)
          .map(Map.Entry::getKey)
          .toList();
    }

    /**
     * The answer with the highest total.
     *
     * @param tieRule which of several; first and last go by the first response with the answer
     * @throws InvalidArgumentException if there is a tie that the rule refuses
     */
    public A winner(TieRule tieRule) {
      List<A> leaders = leaders();
      return switch (tieRule) {
        case FIRST -> leaders.getFirst();
        case LAST -> leaders.getLast();
        case REFUSE -> {
          if (leaders.size() > 1) {
            throw new InvalidArgumentException(
                "answers %s have the same total; choose a rule for ties".formatted(leaders));
          }
          yield leaders.getFirst();
        }
      };
    }

    /**
     * Confidence 2 (1 - σ(H)) with H the entropy, in nats, of the totals as shares (MAgICoRe, arXiv
     * 2409.12147): 1 where all agree, towards 0 where answers scatter.
     *
     * @throws InvalidArgumentException if a total is negative, or all are 0
     */
    public double confidence() {
      // Relative to the largest, so that the sum is finite.
      double most = totals.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
      double sum = totals.values().stream().mapToDouble(total -> total / most).sum();
      if (!(sum > 0) || totals.values().stream().anyMatch(total -> total < 0)) {
        throw new InvalidArgumentException(
            "totals %s are no shares; they must be 0 or more, and not all 0"
                .formatted(totals.values()));
      }
      double entropy =
          totals.values().stream()
              .mapToDouble(total -> total / most / sum)
              .map(share -> share == 0 ? 0 : -share * Math.log(share))
              .sum();
      return 2 * Numbers.sigmoid(-entropy);
    }
  }

  /** One vote each. */
  record Count() implements Vote {
    @Override
    public double[] weights(double... scores) {
      return Arrays.stream(scores).map(_ -> 1).toArray();
    }
  }

  /** The score. */
  record Sum() implements Vote {
    @Override
    public double[] weights(double... scores) {
      return scores.clone();
    }
  }

  /** The score as a probability. */
  record SigmoidSum() implements Vote {
    @Override
    public double[] weights(double... scores) {
      return Arrays.stream(scores).map(Numbers::sigmoid).toArray();
    }
  }

  /**
   * The exponential of the score.
   *
   * @param temperature T, more than 0
   */
  record ExpSum(double temperature) implements Vote {
    /** Checks the temperature. */
    public ExpSum {
      Numbers.requirePositive("temperature", temperature);
    }

    @Override
    public double[] weights(double... scores) {
      double highest = Arrays.stream(scores).max().orElse(0);
      return Arrays.stream(scores)
          .map(score -> Math.exp(Numbers.gap(score, highest, temperature)))
          .toArray();
    }
  }
}
