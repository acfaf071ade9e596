package dev.gavel.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The memory traffic of an AdamW step in f32 with next to no arithmetic: four arrays read, three of
 * them written back, and a fifth written. How fast this runs is the bandwidth that the step can
 * have.
 */
final class StreamSide implements Side {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

  private final int threads;
  private final float[] gradient;
  private final float[] parameter;
  private final float[] mean;
  private final float[] square;
  private final float[] copy;
  private final ExecutorService others;

  StreamSide(int parameters, int threads) {
    this.threads = threads;
    // Zeros stay zeros, and no value is a denormal.
    gradient = new float[parameters];
    parameter = new float[parameters];
    mean = new float[parameters];
    square = new float[parameters];
    copy = new float[parameters];
    others = Executors.newFixedThreadPool(Math.max(1, threads - 1));
  }

  /** Bytes read and written in a run. */
  double bytes() {
    return 8.0 * Float.BYTES * gradient.length;
  }

  @Override
  public String name() {
    return "stream";
  }

  @Override
  public String storage() {
    return "f32";
  }

  @Override
  public void run() {
    List<Future<?>> parts = new ArrayList<>();
    for (int part = 1; part < threads; part++) {
      int mine = part;
      parts.add(others.submit(() -> part(mine)));
    }
    part(0);
    for (Future<?> other : parts) {
      try {
        other.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while measuring", e);
      } catch (ExecutionException e) {
        throw new IllegalStateException("a part failed: " + e.getCause(), e);
      }
    }
  }

  private void part(int part) {
    int begin = (int) ((long) gradient.length * part / threads);
    int end = (int) ((long) gradient.length * (part + 1) / threads);
    int i = begin;
    for (; i + LANES.length() <= end; i += LANES.length()) {
      FloatVector change = FloatVector.fromArray(LANES, gradient, i);
      FloatVector.fromArray(LANES, mean, i).add(change).intoArray(mean, i);
      FloatVector.fromArray(LANES, square, i).add(change).intoArray(square, i);
      FloatVector changed = FloatVector.fromArray(LANES, parameter, i).add(change);
      changed.intoArray(parameter, i);
      changed.intoArray(copy, i);
    }
    for (; i < end; i++) {
      mean[i] += gradient[i];
      square[i] += gradient[i];
      parameter[i] += gradient[i];
      copy[i] = parameter[i];
    }
  }

  @Override
  public float[] results() {
    return copy;
  }

  @Override
  public void close() {
    others.shutdown();
  }
}
