package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_loss_args;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_score_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/**
 * Valid calls of every native entry point, with all their memory in one piece between sentinels,
 * and the means to damage their structs. Damage never claims memory that was not offered: a data
 * address moves only inside its tensor, and its length with it.
 */
final class RawCall implements AutoCloseable {
  static final HeadSpec SPEC = HeadSpec.mlp(8, 4).build();

  private static final int ROWS = 6;
  private static final int RESPONSES = 4;
  private static final byte SENTINEL = 0x5a;
  private static final long GUARD = 4096;
  private static final long OFFERED = 16384;

  private final SplittableRandom random;
  private final boolean strayIndices;
  private final Arena arena = Arena.ofConfined();
  private final Context context = Context.open(Context.Options.defaults().withThreads(1));
  private final RewardHead head = RewardHead.create(context, SPEC, Init.normal(0.5f, 1));
  private final NativeError error = new NativeError(arena);
  private final MemorySegment memory = arena.allocate(OFFERED + 2 * GUARD, 64);
  private final MemorySegment clean = arena.allocate(OFFERED + 2 * GUARD, 64);
  private long used = GUARD;

  RawCall(long seed, boolean strayIndices) {
    this.strayIndices = strayIndices;
    random = new SplittableRandom(seed);
    memory.fill(SENTINEL);
    clean.fill(SENTINEL);
  }

  NativeHandle context() {
    return context.handle();
  }

  NativeHandle head() {
    return head.handle();
  }

  RewardHead rewardHead() {
    return head;
  }

  NativeError error() {
    return error;
  }

  MemorySegment scoreArguments() {
    MemorySegment args = NativeStruct.allocate(arena, gavel_score_args.layout());
    gavel_score_args.pooling(args, gavel_h.GAVEL_POOLING_SPAN_MEAN());
    at(args, gavel_score_args.hidden$offset()).input(1, floats(ROWS * 8), ROWS, 8, 8);
    at(args, gavel_score_args.first$offset()).input(5, indices(0, 2, -1, 3), RESPONSES);
    at(args, gavel_score_args.last$offset()).input(5, indices(1, 2, -1, 5), RESPONSES);
    at(args, gavel_score_args.scores$offset()).output(1, floats(RESPONSES), RESPONSES, 1, 1);
    at(args, gavel_score_args.logits$offset()).output(1, floats(RESPONSES), RESPONSES, 1, 1);
    at(args, gavel_score_args.vectors$offset()).output(1, floats(RESPONSES * 8), RESPONSES, 8, 8);
    at(args, gavel_score_args.preactivations$offset())
        .output(1, floats(RESPONSES * 4), RESPONSES, 4, 4);
    at(args, gavel_score_args.counts$offset()).output(5, indices(0, 0), 2);
    return args;
  }

  MemorySegment pairLoss(boolean withScores) {
    MemorySegment args = lossArguments(withScores, 2);
    gavel_loss_args.kind(args, gavel_h.GAVEL_LOSS_BRADLEY_TERRY());
    gavel_loss_args.beta(args, 1);
    at(args, gavel_loss_args.pairs$offset()).input(5, indices(0, 1, 3, 0), 2, 2, 2);
    at(args, gavel_loss_args.margin_values$offset()).input(1, floats(2), 2);
    at(args, gavel_loss_args.tie_mask$offset()).input(6, bytes(2), 2);
    return args;
  }

  MemorySegment groupLoss(boolean withScores) {
    MemorySegment args = lossArguments(withScores, 2);
    gavel_loss_args.kind(args, gavel_h.GAVEL_LOSS_CROSS_ENTROPY());
    gavel_loss_args.temperature(args, 1);
    at(args, gavel_loss_args.offsets$offset()).input(5, indices(0, 2, 4), 3);
    at(args, gavel_loss_args.target_index$offset()).input(5, indices(1, 1), 2);
    return args;
  }

  private MemorySegment lossArguments(boolean withScores, int items) {
    MemorySegment args = NativeStruct.allocate(arena, gavel_loss_args.layout());
    gavel_loss_args.reduction(args, gavel_h.GAVEL_REDUCTION_MEAN_VALID());
    gavel_loss_args.weight(args, 1);
    if (withScores) {
      at(args, gavel_loss_args.scores$offset()).input(1, floats(RESPONSES), RESPONSES);
    }
    at(args, gavel_loss_args.item_loss$offset()).output(1, floats(items), items);
    at(args, gavel_loss_args.loss$offset()).output(1, floats(1), 1);
    at(args, gavel_loss_args.dscore$offset()).output(1, floats(RESPONSES), RESPONSES);
    at(args, gavel_loss_args.counts$offset()).output(5, indices(0, 0), 2);
    return args;
  }

  MemorySegment backwardArguments() {
    MemorySegment args = NativeStruct.allocate(arena, gavel_backward_args.layout());
    gavel_backward_args.pooling(args, gavel_h.GAVEL_POOLING_INDEX());
    gavel_backward_args.readout(args, gavel_h.GAVEL_READOUT_SIGMOID());
    at(args, gavel_backward_args.hidden$offset()).input(1, floats(ROWS * 8), ROWS, 8, 8);
    at(args, gavel_backward_args.last$offset()).input(5, indices(0, 5, -1, 3), RESPONSES);
    at(args, gavel_backward_args.scores$offset()).input(1, floats(RESPONSES), RESPONSES, 1, 1);
    at(args, gavel_backward_args.preactivations$offset())
        .input(1, floats(RESPONSES * 4), RESPONSES, 4, 4);
    at(args, gavel_backward_args.dscore$offset()).input(1, floats(RESPONSES), RESPONSES, 1, 1);
    at(args, gavel_backward_args.dvectors$offset())
        .output(1, floats(RESPONSES * 8), RESPONSES, 8, 8);
    return args;
  }

  MemorySegment scatterArguments() {
    MemorySegment args = NativeStruct.allocate(arena, gavel_scatter_args.layout());
    gavel_scatter_args.pooling(args, gavel_h.GAVEL_POOLING_FIRST_LAST());
    gavel_scatter_args.combine(args, gavel_h.GAVEL_COMBINE_SUB());
    at(args, gavel_scatter_args.first$offset()).input(5, indices(0, 1, -1, 3), RESPONSES);
    at(args, gavel_scatter_args.last$offset()).input(5, indices(1, 1, 2, 5), RESPONSES);
    at(args, gavel_scatter_args.dvectors$offset()).input(1, floats(RESPONSES * 8), RESPONSES, 8, 8);
    at(args, gavel_scatter_args.dhidden$offset()).output(1, floats(ROWS * 8), ROWS, 8, 8);
    return args;
  }

  /** One descriptor per parameter of the head. */
  MemorySegment gradients() {
    MemorySegment array = HeadParameters.descriptors(arena, SPEC.parameters().size());
    for (int i = 0; i < SPEC.parameters().size(); i++) {
      HeadSpec.Parameter parameter = SPEC.parameters().get(i);
      long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
      long elements = shape.length == 2 ? shape[0] * shape[1] : shape[0];
      HostTensor view = HostTensor.wrap(DType.F32, floats((int) elements), shape);
      HeadParameters.output(TensorDescriptor.element(array, i), parameter, view);
    }
    return array;
  }

  /** Changes up to three words of a struct, tensors inside it included. */
  void damage(MemorySegment struct, GroupLayout layout) {
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      MemoryLayout member =
          layout.memberLayouts().get(random.nextInt(layout.memberLayouts().size()));
      long offset =
          layout.byteOffset(MemoryLayout.PathElement.groupElement(member.name().orElseThrow()));
      // A handle that is no handle is memory that was not offered; a stream is refused unseen.
      if (member instanceof AddressLayout && !member.name().orElseThrow().equals("stream")) {
        continue;
      }
      if (member.byteSize() == gavel_tensor.layout().byteSize()) {
        damageTensor(struct.asSlice(offset, member.byteSize()));
      } else {
        damageWords(struct, offset, member.byteSize());
      }
    }
  }

  /** Changes one to three descriptors of an array. */
  void damageArray(MemorySegment array) {
    long size = gavel_tensor.layout().byteSize();
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      damageTensor(array.asSlice(random.nextInt((int) (array.byteSize() / size)) * size, size));
    }
  }

  /**
   * Runs a call that may be refused, and checks that nothing outside the offered memory changed.
   */
  void expectAnswer(Runnable call) {
    try {
      call.run();
    } catch (NativeException refused) {
      String message = refused.getMessage();
      assertTrue(message != null && message.length() > 10, "no message for " + refused.status());
      assertTrue(refused.status() > gavel_h.GAVEL_INTERNAL(), message);
    }
    assertUntouched(memory.asSlice(0, GUARD));
    assertUntouched(memory.asSlice(used));
  }

  private void assertUntouched(MemorySegment sentinels) {
    assertEquals(-1, sentinels.mismatch(clean.asSlice(0, sentinels.byteSize())));
  }

  private void damageTensor(MemorySegment tensor) {
    long data = gavel_tensor.data$offset();
    long length = gavel_tensor.byte_length$offset();
    long bytes = tensor.get(ValueLayout.JAVA_LONG, length);
    switch (random.nextInt(5)) {
      case 0 -> tensor.fill((byte) 0);
      case 1 -> {
        long shift = bytes <= 0 ? 0 : random.nextLong(bytes + 1);
        tensor.set(ValueLayout.JAVA_LONG, data, tensor.get(ValueLayout.JAVA_LONG, data) + shift);
        tensor.set(ValueLayout.JAVA_LONG, length, bytes - shift);
      }
      case 2 -> tensor.set(ValueLayout.JAVA_LONG, length, Math.min(bytes, value(8)));
      case 3 -> tensor.set(ValueLayout.JAVA_LONG, data, 0);
      default -> damageWords(tensor, 0, data);
    }
  }

  private void damageWords(MemorySegment struct, long offset, long size) {
    if (size % 8 == 0 && random.nextBoolean()) {
      long at = offset + 8L * random.nextLong(size / 8);
      struct.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value(8));
    } else {
      long at = offset + 4L * random.nextLong(size / 4);
      struct.set(ValueLayout.JAVA_INT_UNALIGNED, at, (int) value(4));
    }
  }

  private long value(int bytes) {
    return switch (random.nextInt(6)) {
      case 0 -> random.nextLong();
      case 1 -> bytes == 8 ? Long.MAX_VALUE - random.nextInt(3) : Integer.MAX_VALUE;
      case 2 -> bytes == 8 ? Long.MIN_VALUE + random.nextInt(3) : Integer.MIN_VALUE;
      case 3 -> 1L << random.nextInt(bytes * 8);
      case 4 -> Float.floatToRawIntBits((float) random.nextDouble(-2, 2));
      default -> random.nextInt(-2, 10);
    };
  }

  private TensorDescriptor at(MemorySegment struct, long offset) {
    return TensorDescriptor.at(struct, offset);
  }

  private MemorySegment floats(int count) {
    MemorySegment slice = take(4L * count);
    for (int i = 0; i < count; i++) {
      slice.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return slice;
  }

  private MemorySegment indices(long... values) {
    MemorySegment slice = take(8L * values.length);
    for (int i = 0; i < values.length; i++) {
      // Now and then an index that may be far away.
      boolean stray = strayIndices && random.nextInt(30) == 0;
      slice.setAtIndex(ValueLayout.JAVA_LONG, i, stray ? value(8) : values[i]);
    }
    return slice;
  }

  private MemorySegment bytes(int count) {
    MemorySegment slice = take(count);
    slice.fill((byte) 0);
    return slice;
  }

  private MemorySegment take(long bytes) {
    used = (used + 7) / 8 * 8;
    MemorySegment slice = memory.asSlice(used, bytes);
    used += bytes;
    return slice;
  }

  @Override
  public void close() {
    head.close();
    context.close();
    arena.close();
  }
}
