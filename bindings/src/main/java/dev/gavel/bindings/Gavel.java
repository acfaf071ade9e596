package dev.gavel.bindings;

import static dev.gavel.bindings.NativeStruct.require;

import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_context_info;
import dev.gavel.bindings.ffi.gavel_context_options;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_head_spec;
import dev.gavel.bindings.ffi.gavel_loss_args;
import dev.gavel.bindings.ffi.gavel_optimizer_options;
import dev.gavel.bindings.ffi.gavel_parameter_info;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_score_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import dev.gavel.bindings.ffi.gavel_token_logprob_args;
import dev.gavel.bindings.ffi.gavel_token_logprob_backward_args;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.function.ToIntFunction;

/**
 * One method per function of {@code gavel.h}, where each is documented; the C name is {@code
 * gavel_} and this one in snake case.
 *
 * <p>A failing status becomes a {@link NativeException}. Handles are checked and kept reachable
 * over the call, structs are checked to be as large as native code will read. A warmed-up call that
 * succeeds allocates nothing on the heap, except where it creates a handle or returns text. Arrays
 * of tensor descriptors are segments of a whole number of {@code gavel_tensor}; their length is the
 * count.
 */
public final class Gavel {
  private Gavel() {}

  /** Version of the native library, for instance {@code 0.1.0}. */
  public static String version() {
    NativeLibrary.load();
    return gavel_h.gavel_version().getString(0);
  }

  /** Name of a status, for instance {@code GAVEL_INVALID_ARGUMENT}. */
  public static String statusName(int status) {
    NativeLibrary.load();
    return gavel_h.gavel_status_name(status).getString(0);
  }

  // ---- context

  /** Creates a context; {@code options} is a {@code gavel_context_options}. */
  public static NativeHandle contextCreate(MemorySegment options, NativeError error) {
    NativeLibrary.load();
    require(options, gavel_context_options.layout());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(gavel_h.C_POINTER);
      error.check(gavel_h.gavel_context_create(options, out, error.address()));
      return NativeHandle.own(
          "context", out.get(gavel_h.C_POINTER, 0), gavel_h::gavel_context_destroy);
    }
  }

  /** Fills {@code info}, a {@code gavel_context_info}. */
  public static void contextDescribe(NativeHandle context, MemorySegment info, NativeError error) {
    require(info, gavel_context_info.layout());
    int status;
    try {
      status = gavel_h.gavel_context_describe(context.address(), info, error.address());
    } finally {
      Reference.reachabilityFence(context);
    }
    error.check(status);
  }

  // ---- streams and buffers

  /** Creates a stream of a CUDA context. */
  public static NativeHandle streamCreate(NativeHandle context, NativeError error) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(gavel_h.C_POINTER);
      error.check(gavel_h.gavel_stream_create(context.address(), out, error.address()));
      return NativeHandle.own(
          "stream", out.get(gavel_h.C_POINTER, 0), gavel_h::gavel_stream_destroy);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  /** Wraps the caller's {@code cudaStream_t}. */
  public static NativeHandle streamWrap(
      NativeHandle context, MemorySegment nativeStream, NativeError error) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(gavel_h.C_POINTER);
      error.check(gavel_h.gavel_stream_wrap(context.address(), nativeStream, out, error.address()));
      return NativeHandle.own(
          "stream", out.get(gavel_h.C_POINTER, 0), gavel_h::gavel_stream_destroy);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  /** The {@code cudaStream_t}, {@link MemorySegment#NULL} for the default stream. */
  public static MemorySegment streamNative(NativeHandle stream) {
    try {
      return gavel_h.gavel_stream_native(stream.address());
    } finally {
      Reference.reachabilityFence(stream);
    }
  }

  /** Makes the scratch memory of a stream at least this large. */
  public static void streamReserve(NativeHandle stream, long bytes, NativeError error) {
    int status;
    try {
      status = gavel_h.gavel_stream_reserve(stream.address(), bytes, error.address());
    } finally {
      Reference.reachabilityFence(stream);
    }
    error.check(status);
  }

  /** Waits for everything enqueued so far and reports the first fault of it. */
  public static void streamSynchronize(NativeHandle stream, NativeError error) {
    int status;
    try {
      status = gavel_h.gavel_stream_synchronize(stream.address(), error.address());
    } finally {
      Reference.reachabilityFence(stream);
    }
    error.check(status);
  }

  /** Orders what comes next on one stream after what is on another now. */
  public static void streamWait(NativeHandle waiting, NativeHandle awaited, NativeError error) {
    int status;
    try {
      status = gavel_h.gavel_stream_wait(waiting.address(), awaited.address(), error.address());
    } finally {
      Reference.reachabilityFence(waiting);
      Reference.reachabilityFence(awaited);
    }
    error.check(status);
  }

  /**
   * Creates a buffer of {@code bytes} on the context's device or in pinned memory. {@code stream}
   * is the address of a stream's handle, or {@link MemorySegment#NULL}.
   */
  public static NativeHandle bufferCreate(
      NativeHandle context, int deviceType, long bytes, MemorySegment stream, NativeError error) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(gavel_h.C_POINTER);
      error.check(
          gavel_h.gavel_buffer_create(
              context.address(), deviceType, bytes, stream, out, error.address()));
      return NativeHandle.own(
          "buffer", out.get(gavel_h.C_POINTER, 0), gavel_h::gavel_buffer_destroy);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  /** Start of a buffer's memory; of size 0, as native code returned it. */
  public static MemorySegment bufferData(NativeHandle buffer) {
    try {
      return gavel_h.gavel_buffer_data(buffer.address());
    } finally {
      Reference.reachabilityFence(buffer);
    }
  }

  /**
   * The memory of a buffer in pinned host memory, which is {@code bytes} long. Access ends when the
   * buffer is closed.
   */
  public static MemorySegment bufferMemory(NativeHandle buffer, long bytes) {
    return buffer.tied(bufferData(buffer), bytes);
  }

  /**
   * Enqueues a copy between two tensors, each a {@code gavel_tensor}. {@code stream} is the address
   * of a stream's handle.
   */
  public static void copy(
      NativeHandle context,
      MemorySegment source,
      MemorySegment target,
      MemorySegment stream,
      NativeError error) {
    require(source, gavel_tensor.layout());
    require(target, gavel_tensor.layout());
    int status;
    try {
      status = TensorCalls.copy(context.address(), source, target, stream, error.address());
    } finally {
      Reference.reachabilityFence(context);
    }
    error.check(status);
  }

  /**
   * Does products over registers and returns how many operations that was; {@code stream} is NULL
   * on the CPU.
   */
  public static long registerProducts(
      NativeHandle context, int dtype, long rounds, MemorySegment stream, NativeError error) {
    try {
      return number(
          operations ->
              gavel_h.gavel_register_products(
                  context.address(), dtype, rounds, stream, operations, error.address()),
          error);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  // ---- reward head

  /** Number of parameters of a {@code gavel_head_spec}. */
  public static int headParameterCount(MemorySegment spec, NativeError error) {
    NativeLibrary.load();
    require(spec, gavel_head_spec.layout());
    return error.checkCount(gavel_h.gavel_head_parameter_count(spec, error.address()));
  }

  /**
   * Fills {@code info}, a {@code gavel_parameter_info}, for one parameter of a {@code
   * gavel_head_spec}.
   */
  public static void headParameterInfo(
      MemorySegment spec, int index, MemorySegment info, NativeError error) {
    NativeLibrary.load();
    require(spec, gavel_head_spec.layout());
    require(info, gavel_parameter_info.layout());
    error.check(gavel_h.gavel_head_parameter_info(spec, index, info, error.address()));
  }

  /** Creates a reward head from a {@code gavel_head_spec} and its parameters in canonical order. */
  public static NativeHandle headCreate(
      NativeHandle context, MemorySegment spec, MemorySegment parameters, NativeError error) {
    require(spec, gavel_head_spec.layout());
    int count = tensorCount(parameters);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(gavel_h.C_POINTER);
      error.check(
          TensorCalls.headCreate(context.address(), spec, parameters, count, out, error.address()));
      return NativeHandle.own(
          "reward head", out.get(gavel_h.C_POINTER, 0), gavel_h::gavel_head_destroy);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  /**
   * Copies one parameter into the memory that {@code parameter}, a {@code gavel_tensor}, describes.
   */
  public static void headRead(
      NativeHandle head, int index, MemorySegment parameter, NativeError error) {
    require(parameter, gavel_tensor.layout());
    int status;
    try {
      status = TensorCalls.headRead(head.address(), index, parameter, error.address());
    } finally {
      Reference.reachabilityFence(head);
    }
    error.check(status);
  }

  // ---- score, loss, backward

  /** Computes a loss over scores the caller has; {@code args} is a {@code gavel_loss_args}. */
  public static void loss(NativeHandle context, MemorySegment args, NativeError error) {
    require(args, gavel_loss_args.layout());
    int status;
    try {
      status = TensorCalls.loss(context.address(), args, error.address());
    } finally {
      Reference.reachabilityFence(context);
    }
    error.check(status);
  }

  /**
   * Pools, runs the head and reads out; {@code args} is a {@code gavel_score_args}, {@code loss} a
   * {@code gavel_loss_args} or {@link MemorySegment#NULL}.
   */
  public static void score(
      NativeHandle context,
      NativeHandle head,
      MemorySegment args,
      MemorySegment loss,
      NativeError error) {
    require(args, gavel_score_args.layout());
    if (loss.address() != 0) {
      require(loss, gavel_loss_args.layout());
    }
    int status;
    try {
      status = TensorCalls.score(context.address(), head.address(), args, loss, error.address());
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(head);
    }
    error.check(status);
  }

  /** Scratch bytes of a stream that such a {@link #score} needs. */
  public static long scoreWorkspace(
      NativeHandle context,
      NativeHandle head,
      MemorySegment args,
      MemorySegment loss,
      NativeError error) {
    require(args, gavel_score_args.layout());
    if (loss.address() != 0) {
      require(loss, gavel_loss_args.layout());
    }
    try {
      return number(
          bytes ->
              gavel_h.gavel_score_workspace(
                  context.address(), head.address(), args, loss, bytes, error.address()),
          error);
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(head);
    }
  }

  /** Scratch bytes of a stream that such a {@link #loss} needs. */
  public static long lossWorkspace(NativeHandle context, MemorySegment args, NativeError error) {
    require(args, gavel_loss_args.layout());
    try {
      return number(
          bytes -> gavel_h.gavel_loss_workspace(context.address(), args, bytes, error.address()),
          error);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  /** Scratch bytes of a stream that such a {@link #backward} needs. */
  public static long backwardWorkspace(
      NativeHandle context,
      NativeHandle head,
      MemorySegment args,
      MemorySegment gradients,
      NativeError error) {
    require(args, gavel_backward_args.layout());
    int count = tensorCount(gradients);
    try {
      return number(
          bytes ->
              gavel_h.gavel_backward_workspace(
                  context.address(),
                  head.address(),
                  args,
                  gradients,
                  count,
                  bytes,
                  error.address()),
          error);
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(head);
    }
  }

  /**
   * Computes gradients; {@code args} is a {@code gavel_backward_args}, {@code gradients} one
   * descriptor per parameter.
   */
  public static void backward(
      NativeHandle context,
      NativeHandle head,
      MemorySegment args,
      MemorySegment gradients,
      NativeError error) {
    require(args, gavel_backward_args.layout());
    int count = tensorCount(gradients);
    int status;
    try {
      status =
          TensorCalls.backward(
              context.address(), head.address(), args, gradients, count, error.address());
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(head);
    }
    error.check(status);
  }

  /**
   * Adds gradients of pooled vectors to those of hidden states; {@code args} is a {@code
   * gavel_scatter_args}.
   */
  public static void scatter(NativeHandle context, MemorySegment args, NativeError error) {
    require(args, gavel_scatter_args.layout());
    int status;
    try {
      status = TensorCalls.scatter(context.address(), args, error.address());
    } finally {
      Reference.reachabilityFence(context);
    }
    error.check(status);
  }

  // ---- token log-probabilities

  /** Creates a vocabulary from {@code weight}, a {@code gavel_tensor}. */
  public static NativeHandle vocabularyCreate(
      NativeHandle context, MemorySegment weight, NativeError error) {
    require(weight, gavel_tensor.layout());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(gavel_h.C_POINTER);
      error.check(TensorCalls.vocabularyCreate(context.address(), weight, out, error.address()));
      return NativeHandle.own(
          "vocabulary", out.get(gavel_h.C_POINTER, 0), gavel_h::gavel_vocabulary_destroy);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  /**
   * Computes log-probabilities of tokens and pools them; {@code args} is a {@code
   * gavel_token_logprob_args}, {@code loss} a {@code gavel_loss_args} or {@link
   * MemorySegment#NULL}. {@code vocabulary} is the address of a vocabulary's handle, which the
   * caller keeps reachable over the call, or {@link MemorySegment#NULL}.
   */
  public static void tokenLogprob(
      NativeHandle context,
      MemorySegment vocabulary,
      MemorySegment args,
      MemorySegment loss,
      NativeError error) {
    require(args, gavel_token_logprob_args.layout());
    if (loss.address() != 0) {
      require(loss, gavel_loss_args.layout());
    }
    int status;
    try {
      status = TensorCalls.tokenLogprob(context.address(), vocabulary, args, loss, error.address());
    } finally {
      Reference.reachabilityFence(context);
    }
    error.check(status);
  }

  /** Scratch bytes of a stream that such a {@link #tokenLogprob} needs. */
  public static long tokenLogprobWorkspace(
      NativeHandle context,
      MemorySegment vocabulary,
      MemorySegment args,
      MemorySegment loss,
      NativeError error) {
    require(args, gavel_token_logprob_args.layout());
    if (loss.address() != 0) {
      require(loss, gavel_loss_args.layout());
    }
    try {
      return number(
          bytes ->
              gavel_h.gavel_token_logprob_workspace(
                  context.address(), vocabulary, args, loss, bytes, error.address()),
          error);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  /**
   * Computes the gradient of log-probabilities; {@code args} is a {@code
   * gavel_token_logprob_backward_args}.
   */
  public static void tokenLogprobBackward(
      NativeHandle context, MemorySegment args, NativeError error) {
    require(args, gavel_token_logprob_backward_args.layout());
    int status;
    try {
      status = TensorCalls.tokenLogprobBackward(context.address(), args, error.address());
    } finally {
      Reference.reachabilityFence(context);
    }
    error.check(status);
  }

  /** Scratch bytes of a stream that such a {@link #tokenLogprobBackward} needs. */
  public static long tokenLogprobBackwardWorkspace(
      NativeHandle context, MemorySegment args, NativeError error) {
    require(args, gavel_token_logprob_backward_args.layout());
    try {
      return number(
          bytes ->
              gavel_h.gavel_token_logprob_backward_workspace(
                  context.address(), args, bytes, error.address()),
          error);
    } finally {
      Reference.reachabilityFence(context);
    }
  }

  // ---- optimizer

  /**
   * Creates an AdamW optimizer for a head; {@code options} is a {@code gavel_optimizer_options}.
   */
  public static NativeHandle optimizerCreate(
      NativeHandle head, MemorySegment options, NativeError error) {
    require(options, gavel_optimizer_options.layout());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(gavel_h.C_POINTER);
      error.check(gavel_h.gavel_optimizer_create(head.address(), options, out, error.address()));
      return NativeHandle.own(
          "optimizer", out.get(gavel_h.C_POINTER, 0), gavel_h::gavel_optimizer_destroy);
    } finally {
      Reference.reachabilityFence(head);
    }
  }

  /**
   * Takes one step with one gradient descriptor per parameter. {@code stream} is the address of a
   * stream's handle, {@link MemorySegment#NULL} on the CPU.
   */
  public static void optimizerStep(
      NativeHandle optimizer,
      MemorySegment gradients,
      float learningRate,
      MemorySegment stream,
      NativeError error) {
    int count = tensorCount(gradients);
    int status;
    try {
      status =
          TensorCalls.optimizerStep(
              optimizer.address(), gradients, count, learningRate, stream, error.address());
    } finally {
      Reference.reachabilityFence(optimizer);
    }
    error.check(status);
  }

  /**
   * Copies a state of one parameter into the memory that {@code values}, a {@code gavel_tensor},
   * describes.
   */
  public static void optimizerRead(
      NativeHandle optimizer, int state, int index, MemorySegment values, NativeError error) {
    require(values, gavel_tensor.layout());
    int status;
    try {
      status =
          TensorCalls.optimizerRead(optimizer.address(), state, index, values, error.address());
    } finally {
      Reference.reachabilityFence(optimizer);
    }
    error.check(status);
  }

  /**
   * Replaces a state of one parameter by what {@code values}, a {@code gavel_tensor}, describes.
   */
  public static void optimizerWrite(
      NativeHandle optimizer, int state, int index, MemorySegment values, NativeError error) {
    require(values, gavel_tensor.layout());
    int status;
    try {
      status =
          TensorCalls.optimizerWrite(optimizer.address(), state, index, values, error.address());
    } finally {
      Reference.reachabilityFence(optimizer);
    }
    error.check(status);
  }

  /** Steps taken. */
  public static long optimizerStepCount(NativeHandle optimizer) {
    try {
      return gavel_h.gavel_optimizer_step_count(optimizer.address());
    } finally {
      Reference.reachabilityFence(optimizer);
    }
  }

  /** Sets the steps taken, for a run that is resumed. */
  public static void optimizerSetStepCount(
      NativeHandle optimizer, long stepCount, NativeError error) {
    int status;
    try {
      status =
          gavel_h.gavel_optimizer_set_step_count(optimizer.address(), stepCount, error.address());
    } finally {
      Reference.reachabilityFence(optimizer);
    }
    error.check(status);
  }

  private static int tensorCount(MemorySegment descriptors) {
    long size = gavel_tensor.layout().byteSize();
    if (descriptors.byteSize() % size != 0) {
      throw new IllegalArgumentException(
          "an array of gavel_tensor has a multiple of %d bytes, the segment given has %d"
              .formatted(size, descriptors.byteSize()));
    }
    return Math.toIntExact(descriptors.byteSize() / size);
  }

  /** What a function writes to the place it is given. */
  private static long number(ToIntFunction<MemorySegment> function, NativeError error) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment place = arena.allocate(gavel_h.C_LONG);
      error.check(function.applyAsInt(place));
      return place.get(gavel_h.C_LONG, 0);
    }
  }
}
