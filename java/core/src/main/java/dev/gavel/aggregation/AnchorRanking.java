package dev.gavel.aggregation;

/** Everyone against response 0. */
record AnchorRanking() implements Tournament {
  @Override
  public Placement play(int responses, Judge judge) {
    Contest contest = new Contest(responses, judge);
    return Placement.ofTotals(totals(contest, responses), contest.comparisons());
  }

  /** Points of every response; of response 0 the mean over its comparisons, 0 where it had none. */
  static double[] totals(Contest contest, int responses) {
    double[] totals = new double[responses];
    double[] ofAnchor = new double[Math.max(responses - 1, 0)];
    for (int i = 1; i < responses; i++) {
      Points points = contest.ask(i, 0);
      totals[i] = points.first();
      ofAnchor[i - 1] = points.second();
    }
    if (responses > 1) {
      totals[0] = Numbers.mean(ofAnchor);
    }
    return totals;
  }
}
