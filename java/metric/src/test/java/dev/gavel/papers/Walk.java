package dev.gavel.papers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.Context;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.Layout;
import dev.gavel.Loss;
import dev.gavel.LossResult;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.Spans;
import dev.gavel.TokenLogprob;
import dev.gavel.TokenScores;
import dev.gavel.TokenSequence;
import dev.gavel.TokenSource;
import dev.gavel.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedSet;
import java.util.function.ToDoubleBiFunction;
import java.util.function.ToDoubleFunction;

/**
 * One way from tokens or hidden states over scores to a loss, an aggregation or a metric, as a
 * paper goes it. Every word that is used is noted where it runs, and at the end the words must be
 * those that docs/source-papers.md gives for the paper. Scores are compared with the head written
 * out in double precision, losses with their formula, gradients with central differences of the
 * formula.
 */
final class Walk implements AutoCloseable {
  private static final double STEP = 1e-5;
  // Heads here add some tens of products of numbers near 1 in f32.
  private static final double SCORE_TOLERANCE = 2e-5;
  private static final double LOSS_TOLERANCE = 2e-5;

  private final int paper;
  private final SequencedSet<String> words = new LinkedHashSet<>();
  private final List<Runnable> open = new ArrayList<>();
  private final Context context = Context.open();
  private final Random random;

  private Walk(int paper) {
    this.paper = paper;
    this.random = new Random(paper);
  }

  /** The way of the paper with this number. */
  static Walk of(int paper) {
    return new Walk(paper);
  }

  /** Notes a word beside what it gave. */
  <T> T use(String word, T result) {
    words.add(word);
    return result;
  }

  /** Numbers of an aggregation or a metric, which must be these. */
  void use(String word, double[] result, double... expected) {
    words.add(word);
    assertEquals(expected.length, result.length, word);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], result[i], 1e-6, "%s %d".formatted(word, i));
    }
  }

  /** A number of an aggregation or a metric, which must be this. */
  void use(String word, double result, double expected) {
    use(word, new double[] {result}, expected);
  }

  /** The rows a rule finds. */
  Spans rows(IndexRule rule, TokenSequence sequence) {
    words.add(upper(rule.getClass().getSimpleName()));
    return rule.spans(sequence);
  }

  /** Hidden states drawn from the number of the paper. */
  HostTensor hidden(int rows, int width) {
    float[] values = new float[rows * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return keep(HostTensor.of(values, rows, width));
  }

  /** A head with parameters drawn from the number of the paper. */
  Head head(HeadSpec spec) {
    Map<String, HostTensor> parameters = new LinkedHashMap<>();
    for (HeadSpec.Parameter parameter : spec.parameters()) {
      long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
      long count = 1;
      for (long size : shape) {
        count *= size;
      }
      float[] values = new float[(int) count];
      for (int i = 0; i < values.length; i++) {
        values[i] = 0.5f * (float) random.nextGaussian();
      }
      parameters.put(parameter.name(), keep(HostTensor.of(values, shape)));
    }
    RewardHead head = RewardHead.create(context, spec, parameters);
    open.add(head::close);
    return new Head(spec, parameters, head);
  }

  /**
   * A head and what it is made of.
   *
   * @param spec its form
   * @param parameters its numbers
   * @param head it
   */
  record Head(HeadSpec spec, Map<String, HostTensor> parameters, RewardHead head) {}

  /** Scores with IDENTITY, [responses x outputs], checked against double precision. */
  float[] logits(Head head, Pooling pooling, HostTensor hidden, Spans spans) {
    return score(head, pooling, Readout.identity(), hidden, spans, logit -> logit[0]);
  }

  /**
   * Scores in one call, checked against double precision.
   *
   * @param formula what the readout makes of the logits of a response; not looked at where the
   *     readout keeps each of several logits
   */
  float[] score(
      Head head,
      Pooling pooling,
      Readout readout,
      HostTensor hidden,
      Spans spans,
      ToDoubleFunction<double[]> formula) {
    words.add(upper(pooling.getClass().getSimpleName()));
    words.add(upper(head.spec().kind().getClass().getSimpleName()));
    words.add(upper(readout.getClass().getSimpleName()));
    PackedBatch batch = keep(PackedBatch.allocate(Layout.JOINT, hidden, spans.size()));
    batch.group().sequence(hidden.size(0)).responses(spans).seal();
    float[] scores = head.head().score(batch, pooling, readout);
    int outputs = scores.length / spans.size(); // 1 where the readout makes one score of all logits
    for (int r = 0; r < spans.size(); r++) {
      double[] logits =
          Reference.logits(
              head.spec(), head.parameters(), Reference.pool(pooling, hidden, spans, r));
      for (int k = 0; k < outputs; k++) {
        double expected =
            outputs == 1
                ? formula.applyAsDouble(logits)
                : formula.applyAsDouble(new double[] {logits[k]});
        assertEquals(expected, scores[r * outputs + k], SCORE_TOLERANCE, "response " + r);
      }
    }
    return scores;
  }

  /** Logits of a head that was noted before. */
  float[] plainLogits(Head head, HostTensor hidden, Spans spans) {
    PackedBatch batch = keep(PackedBatch.joint(hidden, spans));
    return head.head().score(batch, Pooling.index(), Readout.identity());
  }

  /** Scores of objectives that a gate mixes, checked against double precision. */
  float[] gated(
      Head head,
      Readout.GatedSum readout,
      Head gate,
      HostTensor hidden,
      Spans spans,
      long[] gateRows,
      ToDoubleBiFunction<double[], double[]> formula) {
    words.add("INDEX");
    words.add(upper(head.spec().kind().getClass().getSimpleName()));
    words.add(upper(gate.spec().kind().getClass().getSimpleName()));
    words.add("GATED_SUM");
    float[] scores = head.head().score(batch(hidden, spans, gateRows), Pooling.index(), readout);
    for (int r = 0; r < spans.size(); r++) {
      double[] logits =
          Reference.logits(head.spec(), head.parameters(), Reference.row(hidden, spans.last(r)));
      double[] gateLogits =
          Reference.logits(
              gate.spec(), gate.parameters(), Reference.row(hidden, (int) gateRows[r]));
      assertEquals(
          formula.applyAsDouble(logits, gateLogits), scores[r], SCORE_TOLERANCE, "response " + r);
    }
    return scores;
  }

  /** Scores of steps in two streams, checked against double precision. */
  float[] twoStreams(Head head, Head gate, HostTensor hidden, Spans spans, long[] reverse) {
    words.add("INDEX");
    words.add(upper(head.spec().kind().getClass().getSimpleName()));
    words.add(upper(gate.spec().kind().getClass().getSimpleName()));
    words.add("GATED_SUM");
    float[] scores =
        head.head()
            .score(
                batch(hidden, spans, reverse), Pooling.index(), Readout.twoStreamGate(gate.head()));
    for (int r = 0; r < spans.size(); r++) {
      double[] forward = Reference.row(hidden, spans.last(r));
      double[] backward = Reference.row(hidden, (int) reverse[r]);
      double[] both = Arrays.copyOf(forward, forward.length + backward.length);
      System.arraycopy(backward, 0, both, forward.length, backward.length);
      double mix = sigmoid(Reference.logits(gate.spec(), gate.parameters(), both)[0]);
      double expected =
          mix * Reference.logits(head.spec(), head.parameters(), forward)[0]
              + (1 - mix) * Reference.logits(head.spec(), head.parameters(), backward)[0];
      assertEquals(expected, scores[r], SCORE_TOLERANCE, "step " + r);
    }
    return scores;
  }

  private PackedBatch batch(HostTensor hidden, Spans spans, long... gateRows) {
    PackedBatch batch = keep(PackedBatch.allocate(Layout.JOINT, hidden, spans.size()));
    return batch.group().sequence(hidden.size(0)).responses(spans).gateRows(gateRows).seal();
  }

  /**
   * Hidden states of a small language model, its output layer and the tokens its rows predict.
   *
   * @param source of log-probabilities
   * @param logprobs the same in double precision
   */
  record Tokens(TokenSource source, List<Double> logprobs) {}

  /** A language model of seven tokens over so many rows. */
  Tokens tokens(int rows) {
    int vocabulary = 7;
    int width = 6;
    HostTensor hidden = hidden(rows, width);
    HostTensor matrix = hidden(vocabulary, width);
    long[] targets = new long[rows];
    List<Double> logprobs = new ArrayList<>();
    for (int t = 0; t < rows; t++) {
      targets[t] = random.nextInt(vocabulary);
      double[] logits = new double[vocabulary];
      for (int v = 0; v < vocabulary; v++) {
        for (int d = 0; d < width; d++) {
          logits[v] += matrix.floatAt((long) v * width + d) * hidden.floatAt((long) t * width + d);
        }
      }
      logprobs.add(logits[(int) targets[t]] - logSumExp(logits));
    }
    Vocabulary output = Vocabulary.create(context, matrix);
    open.add(output::close);
    return new Tokens(TokenSource.hidden(output, hidden, longs(targets)), logprobs);
  }

  /** Sums over spans, read out as LOG_RATIO, checked against the sum of a term per row. */
  float[] logRatio(Tokens tokens, Spans spans, TokenLogprob how, RowTerm term) {
    words.add("TOKEN_LOGPROB");
    words.add("LOG_RATIO");
    return spans(tokens, spans, how, term, false);
  }

  /** Mean probabilities of the tokens of spans. */
  float[] meanProbability(Tokens tokens, Spans spans) {
    words.add("TOKEN_LOGPROB");
    return spans(
        tokens, spans, TokenLogprob.meanProbability(), (_, logprob) -> Math.exp(logprob), true);
  }

  /** What a row adds to the score of its span. */
  @FunctionalInterface
  interface RowTerm {
    /** From the row and the log-probability of its token. */
    double of(int row, double logprob);
  }

  private float[] spans(Tokens tokens, Spans spans, TokenLogprob how, RowTerm term, boolean mean) {
    TokenScores scores = TokenScores.allocate(tokens.logprobs().size(), spans.size());
    open.add(scores::close);
    scores.score(context, tokens.source(), spans, how);
    for (int r = 0; r < spans.size(); r++) {
      double sum = 0;
      for (int t = spans.first(r); t <= spans.last(r); t++) {
        sum += term.of(t, tokens.logprobs().get(t));
      }
      double rows = spans.last(r) - spans.first(r) + 1.0;
      assertEquals(mean ? sum / rows : sum, scores.score(r), SCORE_TOLERANCE, "span " + r);
    }
    return scores.toArray();
  }

  /** A loss of scores: its value and its gradient are those of the formula. */
  LossResult loss(Loss loss, float[] scores, ToDoubleFunction<double[]> formula) {
    words.add(upper(loss.getClass().getSimpleName()));
    LossResult result = LossResult.allocate(scores.length, (int) loss.items());
    open.add(result::close);
    loss.evaluate(context, floats(scores), result);
    double[] s = doubles(scores);
    assertEquals(formula.applyAsDouble(s), result.value(), LOSS_TOLERANCE, "loss");
    for (int n = 0; n < s.length; n++) {
      double middle = s[n];
      s[n] = middle + STEP;
      double above = formula.applyAsDouble(s);
      s[n] = middle - STEP;
      double below = formula.applyAsDouble(s);
      s[n] = middle;
      assertEquals(
          (above - below) / (2 * STEP), result.gradient(n), LOSS_TOLERANCE, "gradient " + n);
    }
    return result;
  }

  HostTensor floats(float... values) {
    return keep(HostTensor.of(values, values.length));
  }

  HostTensor longs(long... values) {
    return keep(HostTensor.of(values, values.length));
  }

  /** Pairs of scores, chosen and rejected in turn. */
  HostTensor pairs(long... scores) {
    return keep(HostTensor.of(scores, scores.length / 2, 2));
  }

  HostTensor marks(boolean... values) {
    return keep(HostTensor.of(values));
  }

  private HostTensor keep(HostTensor tensor) {
    open.add(tensor::close);
    return tensor;
  }

  PackedBatch keep(PackedBatch batch) {
    open.add(batch::close);
    return batch;
  }

  /** The same numbers in double precision. */
  static double[] doubles(float... values) {
    double[] widened = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      widened[i] = values[i];
    }
    return widened;
  }

  /** log(1 + exp(x)), the term of most losses. */
  static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  /** 1 / (1 + exp(-x)). */
  static double sigmoid(double x) {
    return Math.exp(-softplus(-x));
  }

  /** log of the sum of exponentials. */
  static double logSumExp(double... values) {
    double sum = 0;
    for (double value : values) {
      sum += Math.exp(value);
    }
    return Math.log(sum);
  }

  @Override
  public void close() {
    open.reversed().forEach(Runnable::run);
    context.close();
    PaperTable.Row row = PaperTable.read().get(paper);
    assertTrue(row != null, () -> "docs/source-papers.md has no row " + paper);
    assertEquals(
        List.copyOf(row.words()), List.copyOf(words), () -> "words of row %d".formatted(paper));
  }

  // LastByMask -> LAST_BY_MASK
  private static String upper(String name) {
    return name.replaceAll("([a-z])([A-Z])", "$1_$2").toUpperCase(java.util.Locale.ROOT);
  }
}
