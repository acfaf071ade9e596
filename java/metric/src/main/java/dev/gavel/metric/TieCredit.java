package dev.gavel.metric;

/** What two equal scores count where one should be higher. */
public enum TieCredit {
  /** 0: RewardBench 1, where a scorer that always says the same gets 0. */
  WRONG(0),
  /** 1/2: what a coin would get. */
  HALF(0.5),
  /** 1: "accuracy with ties" of RewardMATH. */
  RIGHT(1);

  private final double value;

  TieCredit(double value) {
    this.value = value;
  }

  /** 0, 1/2 or 1. */
  public double value() {
    return value;
  }
}
