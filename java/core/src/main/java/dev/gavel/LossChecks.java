package dev.gavel;

import java.util.Optional;

/**
 * Checks that losses share; what depends on the number of scores is checked when the loss is
 * computed.
 */
final class LossChecks {
  private LossChecks() {}

  static void requireTensor(String what, HostTensor found, DType dtype, String expected, int rank) {
    if (found.dtype() != dtype || found.rank() != rank) {
      throw new InvalidTensorException(
          "%s are %s; they must be %s".formatted(what, found, expected));
    }
  }

  static void requireOffsets(HostTensor offsets) {
    requireTensor("offsets of a loss", offsets, DType.I64, "i64 [G+1]", 1);
    if (offsets.size(0) < 1) {
      throw new InvalidTensorException(
          "offsets of a loss are %s; they must be i64 [G+1]".formatted(offsets));
    }
  }

  static void requireMask(String what, Optional<HostTensor> mask) {
    mask.ifPresent(
        values -> requireTensor("loss: " + what, values, DType.U8, "u8 of one dimension", 1));
  }

  static void requireAtLeast(String what, Amount amount, float least) {
    if (amount instanceof Amount.Same(float value) && !(Float.isFinite(value) && value >= least)) {
      throw new InvalidArgumentException(
          "loss: %s is %s; it must be finite and at least %s".formatted(what, value, least));
    }
  }
}
