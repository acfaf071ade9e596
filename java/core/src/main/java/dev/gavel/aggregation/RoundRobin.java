package dev.gavel.aggregation;

/** Everyone against everyone. */
record RoundRobin() implements Tournament {
  @Override
  public Placement play(int responses, Judge judge) {
    Contest contest = new Contest(responses, judge);
    double[] wins = new double[responses];
    for (int i = 0; i < responses; i++) {
      for (int j = i + 1; j < responses; j++) {
        Points points = contest.ask(i, j);
        double win = 0.5 + 0.5 * Math.signum(points.first() - points.second());
        wins[i] += win;
        wins[j] += 1 - win;
      }
    }
    return Placement.ofTotals(wins, contest.comparisons());
  }
}
