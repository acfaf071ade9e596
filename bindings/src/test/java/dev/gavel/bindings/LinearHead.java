package dev.gavel.bindings;

import dev.gavel.bindings.ffi.gavel_context_options;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_head_spec;
import dev.gavel.bindings.ffi.gavel_score_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A context, an f32 linear head with weights 1, 2, 3, ... and one score call over two hidden
 * states, all by hand.
 */
final class LinearHead implements AutoCloseable {
  static final int WIDTH = 4;
  static final int ROWS = 2;

  final Arena arena = Arena.ofShared();
  final NativeError error = new NativeError(arena);
  final MemorySegment spec = NativeStruct.allocate(arena, gavel_head_spec.layout());
  final MemorySegment weights = arena.allocate(ValueLayout.JAVA_FLOAT, WIDTH);
  final MemorySegment hidden = arena.allocate(ValueLayout.JAVA_FLOAT, ROWS * WIDTH);
  final MemorySegment last = arena.allocate(ValueLayout.JAVA_LONG, ROWS);
  final MemorySegment scores = arena.allocate(ValueLayout.JAVA_FLOAT, ROWS);
  final MemorySegment args = NativeStruct.allocate(arena, gavel_score_args.layout());
  final TensorDescriptor hiddenTensor = TensorDescriptor.at(args, gavel_score_args.hidden$offset());
  final TensorDescriptor lastTensor = TensorDescriptor.at(args, gavel_score_args.last$offset());
  final TensorDescriptor scoresTensor = TensorDescriptor.at(args, gavel_score_args.scores$offset());
  final NativeHandle context;
  final NativeHandle head;

  LinearHead() {
    MemorySegment options = NativeStruct.allocate(arena, gavel_context_options.layout());
    gavel_context_options.device_type(options, gavel_h.GAVEL_CPU());
    gavel_context_options.threads(options, 1);
    context = Gavel.contextCreate(options, error);

    gavel_head_spec.kind(spec, gavel_h.GAVEL_HEAD_LINEAR());
    gavel_head_spec.dtype(spec, gavel_h.GAVEL_F32());
    gavel_head_spec.output_scale(spec, 1);
    gavel_head_spec.input_width(spec, WIDTH);
    gavel_head_spec.output_width(spec, 1);
    MemorySegment parameters = arena.allocate(gavel_tensor.layout());
    TensorDescriptor.element(parameters, 0).input(gavel_h.GAVEL_F32(), weights, 1, WIDTH, WIDTH);
    for (int column = 0; column < WIDTH; column++) {
      weights.setAtIndex(ValueLayout.JAVA_FLOAT, column, column + 1);
    }
    head = Gavel.headCreate(context, spec, parameters, error);

    for (int i = 0; i < ROWS * WIDTH; i++) {
      hidden.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
    }
    last.setAtIndex(ValueLayout.JAVA_LONG, 0, 1);
    last.setAtIndex(ValueLayout.JAVA_LONG, 1, 0);
    gavel_score_args.pooling(args, gavel_h.GAVEL_POOLING_INDEX());
    gavel_score_args.readout(args, gavel_h.GAVEL_READOUT_IDENTITY());
  }

  /** Describes the tensors again and scores: what a caller does on every call. */
  void score() {
    hiddenTensor.input(gavel_h.GAVEL_F32(), hidden, ROWS, WIDTH, WIDTH);
    lastTensor.input(gavel_h.GAVEL_I64(), last, ROWS);
    scoresTensor.output(gavel_h.GAVEL_F32(), scores, ROWS, 1, 1);
    Gavel.score(context, head, args, MemorySegment.NULL, error);
  }

  @Override
  public void close() {
    head.close();
    context.close();
    arena.close();
  }
}
