package dev.gavel.cli.scoring;

import java.util.concurrent.atomic.LongAdder;

/** Seconds that each stage worked, without its waits. Stages overlap, so the sum means nothing. */
public final class StageTimes {
  private final LongAdder reading = new LongAdder();
  private final LongAdder tokenizing = new LongAdder();
  private final LongAdder backbone = new LongAdder();
  private final LongAdder head = new LongAdder();
  private final LongAdder writing = new LongAdder();

  public void reading(long start) {
    reading.add(System.nanoTime() - start);
  }

  void tokenizing(long start) {
    tokenizing.add(System.nanoTime() - start);
  }

  void backbone(long start) {
    backbone.add(System.nanoTime() - start);
  }

  public void head(long start) {
    head.add(System.nanoTime() - start);
  }

  public void writing(long start) {
    writing.add(System.nanoTime() - start);
  }

  /** Reading and decompressing. */
  public double readingSeconds() {
    return seconds(reading);
  }

  /** Parsing rows and tokenising them. */
  public double tokenizingSeconds() {
    return seconds(tokenizing);
  }

  /** The backbone's forward passes. */
  public double backboneSeconds() {
    return seconds(backbone);
  }

  /** The reward head. */
  public double headSeconds() {
    return seconds(head);
  }

  /** Writing rows, waiting for the disk included. */
  public double writingSeconds() {
    return seconds(writing);
  }

  private static double seconds(LongAdder nanos) {
    return nanos.sum() / 1e9;
  }
}
