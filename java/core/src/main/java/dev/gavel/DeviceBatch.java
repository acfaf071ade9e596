package dev.gavel;

import java.util.Optional;

/**
 * Hidden states and rows of responses on a device, borrowed. What the indices hold is checked by
 * the kernels: one out of range makes its response's scores NaN, and {@link Stream#synchronize()}
 * throws what was found.
 *
 * @param hidden hidden states [T, H]: f32, f16 or bf16
 * @param first i64 [R], first row of each response; absent where the pooling reads the last one
 *     only
 * @param last i64 [R], last row of each response; -1 for one without a row, whose scores are
 *     -infinity
 * @param gate i64 [R], the row that a readout's gate reads for each response, -1 for none; absent
 *     where no readout has a gate
 */
public record DeviceBatch(
    DeviceTensor hidden,
    Optional<DeviceTensor> first,
    DeviceTensor last,
    Optional<DeviceTensor> gate) {

  /** A batch without rows of a gate. */
  public DeviceBatch(DeviceTensor hidden, Optional<DeviceTensor> first, DeviceTensor last) {
    this(hidden, first, last, Optional.empty());
  }

  /** The same with the rows that a gate reads, i64 [R]. */
  public DeviceBatch withGate(DeviceTensor rows) {
    return new DeviceBatch(hidden, first, last, Optional.of(rows));
  }

  /** The same with the rows of the gate in place of the last ones. */
  DeviceBatch atGate() {
    DeviceTensor rows =
        gate.orElseThrow(() ->
            new InvalidArgumentException(
                "the readout has a gate, the batch no rows for it: give them with withGate"));
    return new DeviceBatch(hidden, Optional.empty(), rows);
  }
}
