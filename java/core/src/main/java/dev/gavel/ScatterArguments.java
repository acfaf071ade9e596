package dev.gavel;

import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One {@code gavel_scatter_args} in native memory, written anew for every call. */
final class ScatterArguments {
  private static final long[] INPUTS = {
    gavel_scatter_args.first$offset(),
    gavel_scatter_args.last$offset(),
    gavel_scatter_args.dvectors$offset()
  };

  private final MemorySegment struct;
  private final TensorDescriptor first;
  private final TensorDescriptor last;
  private final TensorDescriptor vectors;
  private final TensorDescriptor hidden;

  ScatterArguments(Arena arena) {
    struct = NativeStruct.allocate(arena, gavel_scatter_args.layout());
    first = TensorDescriptor.at(struct, gavel_scatter_args.first$offset());
    last = TensorDescriptor.at(struct, gavel_scatter_args.last$offset());
    vectors = TensorDescriptor.at(struct, gavel_scatter_args.dvectors$offset());
    hidden = TensorDescriptor.at(struct, gavel_scatter_args.dhidden$offset());
  }

  /** The {@code gavel_scatter_args}. */
  MemorySegment struct() {
    return struct;
  }

  /** Takes the call to the device; it adds to the gradient of the hidden states. */
  void stage(Staging staging) {
    staging.struct(struct, INPUTS, new long[0]);
    staging.tensor(
        struct.asSlice(gavel_scatter_args.dhidden$offset(), gavel_tensor.layout()), true, true);
    staging.stream(struct, gavel_scatter_args.stream$offset());
  }

  /** What is scattered; the tensors are described by whoever calls. */
  void choices(Pooling pooling) {
    gavel_scatter_args.pooling(struct, Codes.pooling(pooling));
    gavel_scatter_args.combine(struct, Codes.combine(pooling));
  }

  /** Vectors that were pooled from the batch's rows; those of the next response are stride on. */
  void pooled(
      PackedBatch batch,
      Pooling pooling,
      MemorySegment values,
      long width,
      long stride,
      HostTensor target) {
    describe(batch, pooling, values, width, stride, target);
    ScoreArguments.rows(batch, pooling, first, last);
  }

  /** Vectors that are the batch's gate rows. */
  void gateRows(
      PackedBatch batch, MemorySegment values, long width, long stride, HostTensor target) {
    describe(batch, Pooling.index(), values, width, stride, target);
    first.clear();
    last.input(gavel_h.GAVEL_I64(), batch.gate(), batch.responses());
  }

  private void describe(
      PackedBatch batch,
      Pooling pooling,
      MemorySegment values,
      long width,
      long stride,
      HostTensor target) {
    choices(pooling);
    vectors.input(gavel_h.GAVEL_F32(), values, batch.items(pooling), width, stride);
    long columns = target.size(1);
    hidden.output(gavel_h.GAVEL_F32(), target.memory(), target.size(0), columns, columns);
  }
}
