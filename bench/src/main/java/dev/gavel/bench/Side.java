package dev.gavel.bench;

/** One of the programs that do the same work and are timed in turn. */
interface Side extends AutoCloseable {
  /** Who it is. */
  String name();

  /** The type it computes with, where it lacks the case's. */
  String storage();

  /** The work, once. */
  void run();

  /** What the last run computed, to compare with float64 before anything is timed. */
  float[] results();

  @Override
  void close();
}
