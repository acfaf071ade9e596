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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

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
          gavel_h.gavel_head_create(
              context.address(), spec, parameters, count, out, error.address()));
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
      status = gavel_h.gavel_head_read(head.address(), index, parameter, error.address());
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
      status = gavel_h.gavel_loss(context.address(), args, error.address());
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
      status = gavel_h.gavel_score(context.address(), head.address(), args, loss, error.address());
    } finally {
      Reference.reachabilityFence(context);
      Reference.reachabilityFence(head);
    }
    error.check(status);
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
          gavel_h.gavel_backward(
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
      status = gavel_h.gavel_scatter(context.address(), args, error.address());
    } finally {
      Reference.reachabilityFence(context);
    }
    error.check(status);
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

  /** Takes one step with one gradient descriptor per parameter. */
  public static void optimizerStep(
      NativeHandle optimizer, MemorySegment gradients, float learningRate, NativeError error) {
    int count = tensorCount(gradients);
    int status;
    try {
      status =
          gavel_h.gavel_optimizer_step(
              optimizer.address(), gradients, count, learningRate, error.address());
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
          gavel_h.gavel_optimizer_read(optimizer.address(), state, index, values, error.address());
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
          gavel_h.gavel_optimizer_write(optimizer.address(), state, index, values, error.address());
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
}
