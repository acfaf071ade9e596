package dev.gavel.cli.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

class ProductPeakTest {
  private static final long OPERATIONS_OF_A_ROUND = 384;
  private static final double NANOS_OF_A_ROUND = 4;
  private static final double RATE = OPERATIONS_OF_A_ROUND / NANOS_OF_A_ROUND * 1e9;

  /** A machine whose clock goes on by itself, and which interrupts some of the bursts. */
  private static final class Machine implements LongUnaryOperator, LongSupplier {
    private final int interruptedBursts;
    private final int outOf;
    private double nanos;
    private int bursts;

    Machine(int interruptedBursts, int outOf) {
      this.interruptedBursts = interruptedBursts;
      this.outOf = outOf;
    }

    @Override
    public long applyAsLong(long rounds) {
      // A call takes half a microsecond to start, and an interruption 15 ms.
      nanos += 500 + rounds * NANOS_OF_A_ROUND;
      if (bursts++ % outOf < interruptedBursts) {
        nanos += 15e6;
      }
      return rounds * OPERATIONS_OF_A_ROUND;
    }

    @Override
    public long getAsLong() {
      return (long) nanos;
    }
  }

  @Test
  void aFirstBurstThatTakesAllTheTimeIsNotTheRate() {
    Machine machine = new Machine(1, Integer.MAX_VALUE);
    assertEquals(RATE, ProductPeak.best(machine, 0.001, machine), 1e-3 * RATE);
  }

  @Test
  void burstsMayBeInterruptedMoreOftenThanNot() {
    Machine machine = new Machine(3, 4);
    assertEquals(RATE, ProductPeak.best(machine, 0.1, machine), 1e-3 * RATE);
  }

  @Test
  void theTimeIsKept() {
    Machine machine = new Machine(0, 1);
    ProductPeak.best(machine, 0.5, machine);
    // Sizes of bursts double up to a millisecond, and each is tried a few times.
    assertTrue(machine.getAsLong() < 0.52e9, () -> machine.getAsLong() + " ns");
  }
}
