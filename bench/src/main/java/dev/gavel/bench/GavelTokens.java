package dev.gavel.bench;

import dev.gavel.Context;
import dev.gavel.HostTensor;
import dev.gavel.TokenScores;
import dev.gavel.TokenSource;
import dev.gavel.Vocabulary;
import java.util.Locale;

/** Our side of token log-probabilities: no logit is stored. */
final class GavelTokens implements Side {
  private final Context context;
  private final Vocabulary vocabulary;
  private final HostTensor targets;
  private final TokenSource source;
  private final TokenScores scores;

  GavelTokens(TokenCase given, int threads) {
    context = Context.open(Context.Options.defaults().withThreads(threads));
    vocabulary = Vocabulary.create(context, given.weight);
    targets = HostTensor.of(given.targets, given.rows());
    source = TokenSource.hidden(vocabulary, given.hidden, targets);
    scores = TokenScores.allocate(given.rows(), 1);
  }

  @Override
  public String name() {
    return "gavel";
  }

  @Override
  public String storage() {
    return vocabulary.dtype().name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void run() {
    scores.compute(context, source);
  }

  @Override
  public float[] results() {
    float[] values = new float[scores.rows()];
    for (int row = 0; row < values.length; row++) {
      values[row] = scores.logprob(row);
    }
    return values;
  }

  @Override
  public void close() {
    scores.close();
    targets.close();
    vocabulary.close();
    context.close();
  }
}
