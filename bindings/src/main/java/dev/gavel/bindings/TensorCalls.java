package dev.gavel.bindings;

import dev.gavel.bindings.ffi.gavel_h;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The functions of {@code gavel.h} that read or write the memory behind tensor descriptors. They
 * are called through these handles rather than the generated ones, so that a call holds the {@link
 * BorrowedMemory} of its thread.
 */
final class TensorCalls {
  private static final MethodHandle SCORE =
      BorrowedMemory.handle(gavel_h.gavel_score$address(), gavel_h.gavel_score$descriptor());
  private static final MethodHandle LOSS =
      BorrowedMemory.handle(gavel_h.gavel_loss$address(), gavel_h.gavel_loss$descriptor());
  private static final MethodHandle COPY =
      BorrowedMemory.handle(gavel_h.gavel_copy$address(), gavel_h.gavel_copy$descriptor());
  private static final MethodHandle HEAD_CREATE =
      BorrowedMemory.handle(
          gavel_h.gavel_head_create$address(), gavel_h.gavel_head_create$descriptor());
  private static final MethodHandle HEAD_READ =
      BorrowedMemory.handle(
          gavel_h.gavel_head_read$address(), gavel_h.gavel_head_read$descriptor());
  private static final MethodHandle BACKWARD =
      BorrowedMemory.handle(gavel_h.gavel_backward$address(), gavel_h.gavel_backward$descriptor());
  private static final MethodHandle SCATTER =
      BorrowedMemory.handle(gavel_h.gavel_scatter$address(), gavel_h.gavel_scatter$descriptor());
  private static final MethodHandle VOCABULARY_CREATE =
      BorrowedMemory.handle(
          gavel_h.gavel_vocabulary_create$address(), gavel_h.gavel_vocabulary_create$descriptor());
  private static final MethodHandle TOKEN_LOGPROB =
      BorrowedMemory.handle(
          gavel_h.gavel_token_logprob$address(), gavel_h.gavel_token_logprob$descriptor());
  private static final MethodHandle TOKEN_LOGPROB_BACKWARD =
      BorrowedMemory.handle(
          gavel_h.gavel_token_logprob_backward$address(),
          gavel_h.gavel_token_logprob_backward$descriptor());
  private static final MethodHandle OPTIMIZER_STEP =
      BorrowedMemory.handle(
          gavel_h.gavel_optimizer_step$address(), gavel_h.gavel_optimizer_step$descriptor());
  private static final MethodHandle OPTIMIZER_READ =
      BorrowedMemory.handle(
          gavel_h.gavel_optimizer_read$address(), gavel_h.gavel_optimizer_read$descriptor());
  private static final MethodHandle OPTIMIZER_WRITE =
      BorrowedMemory.handle(
          gavel_h.gavel_optimizer_write$address(), gavel_h.gavel_optimizer_write$descriptor());

  private TensorCalls() {}

  static int score(
      MemorySegment context,
      MemorySegment head,
      MemorySegment args,
      MemorySegment loss,
      MemorySegment error) {
    try {
      return (int) SCORE.invokeExact(context, head, args, loss, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int loss(MemorySegment context, MemorySegment args, MemorySegment error) {
    try {
      return (int) LOSS.invokeExact(context, args, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int copy(
      MemorySegment context,
      MemorySegment source,
      MemorySegment target,
      MemorySegment stream,
      MemorySegment error) {
    try {
      return (int) COPY.invokeExact(context, source, target, stream, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int headCreate(
      MemorySegment context,
      MemorySegment spec,
      MemorySegment parameters,
      int parameterCount,
      MemorySegment head,
      MemorySegment error) {
    try {
      return (int) HEAD_CREATE.invokeExact(context, spec, parameters, parameterCount, head, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int headRead(MemorySegment head, int index, MemorySegment parameter, MemorySegment error) {
    try {
      return (int) HEAD_READ.invokeExact(head, index, parameter, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int backward(
      MemorySegment context,
      MemorySegment head,
      MemorySegment args,
      MemorySegment gradients,
      int gradientCount,
      MemorySegment error) {
    try {
      return (int) BACKWARD.invokeExact(context, head, args, gradients, gradientCount, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int scatter(MemorySegment context, MemorySegment args, MemorySegment error) {
    try {
      return (int) SCATTER.invokeExact(context, args, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int vocabularyCreate(
      MemorySegment context, MemorySegment weight, MemorySegment vocabulary, MemorySegment error) {
    try {
      return (int) VOCABULARY_CREATE.invokeExact(context, weight, vocabulary, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int tokenLogprob(
      MemorySegment context,
      MemorySegment vocabulary,
      MemorySegment args,
      MemorySegment loss,
      MemorySegment error) {
    try {
      return (int) TOKEN_LOGPROB.invokeExact(context, vocabulary, args, loss, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int tokenLogprobBackward(MemorySegment context, MemorySegment args, MemorySegment error) {
    try {
      return (int) TOKEN_LOGPROB_BACKWARD.invokeExact(context, args, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int optimizerStep(
      MemorySegment optimizer,
      MemorySegment gradients,
      int gradientCount,
      float learningRate,
      MemorySegment stream,
      MemorySegment error) {
    try {
      return (int)
          OPTIMIZER_STEP.invokeExact(
              optimizer, gradients, gradientCount, learningRate, stream, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int optimizerRead(
      MemorySegment optimizer, int state, int index, MemorySegment values, MemorySegment error) {
    try {
      return (int) OPTIMIZER_READ.invokeExact(optimizer, state, index, values, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  static int optimizerWrite(
      MemorySegment optimizer, int state, int index, MemorySegment values, MemorySegment error) {
    try {
      return (int) OPTIMIZER_WRITE.invokeExact(optimizer, state, index, values, error);
    } catch (Throwable e) {
      throw unchecked(e);
    }
  }

  /** The arguments of a call can be refused; a native function itself throws nothing. */
  private static RuntimeException unchecked(Throwable thrown) {
    switch (thrown) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new AssertionError("a native call threw a checked exception", thrown);
    }
  }
}
