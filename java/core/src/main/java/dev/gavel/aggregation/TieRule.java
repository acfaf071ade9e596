package dev.gavel.aggregation;

/** Which of several equally good entries is taken. */
public enum TieRule {
  /** The one that comes first: what {@code argmax} of numpy and PyTorch does on a CPU. */
  FIRST,
  /** The one that comes last. */
  LAST,
  /** None: an equal entry is an error. */
  REFUSE
}
