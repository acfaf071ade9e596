package dev.gavel;

import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_token_logprob_args;
import dev.gavel.bindings.ffi.gavel_token_logprob_backward_args;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * One {@code gavel_token_logprob_args} and its backward counterpart in native memory, written anew
 * for every call without allocating. Borrowed tensors are held open until {@link #release}.
 */
final class TokenLogprobArguments {
  // States, targets, mask and reference, or mask, reference and the gradient of the scores.
  private static final int MOST_BORROWED = 4;

  private static final long[] INPUTS = {
    gavel_token_logprob_args.hidden$offset(),
    gavel_token_logprob_args.logits$offset(),
    gavel_token_logprob_args.policy_logprobs$offset(),
    gavel_token_logprob_args.targets$offset(),
    gavel_token_logprob_args.mask$offset(),
    gavel_token_logprob_args.reference_logprobs$offset(),
    gavel_token_logprob_args.first$offset(),
    gavel_token_logprob_args.last$offset()
  };
  private static final long[] OUTPUTS = {
    gavel_token_logprob_args.logprobs$offset(),
    gavel_token_logprob_args.scores$offset(),
    gavel_token_logprob_args.counts$offset()
  };
  private static final long[] BACKWARD_INPUTS = {
    gavel_token_logprob_backward_args.mask$offset(),
    gavel_token_logprob_backward_args.first$offset(),
    gavel_token_logprob_backward_args.last$offset(),
    gavel_token_logprob_backward_args.logprobs$offset(),
    gavel_token_logprob_backward_args.reference_logprobs$offset(),
    gavel_token_logprob_backward_args.dscore$offset()
  };
  private static final long[] BACKWARD_OUTPUTS = {
    gavel_token_logprob_backward_args.dlogprobs$offset()
  };

  private final MemorySegment struct;
  private final MemorySegment backward;
  private final NativeError error;
  private final TensorDescriptor hidden;
  private final TensorDescriptor logits;
  private final TensorDescriptor policy;
  private final TensorDescriptor targets;
  private final TensorDescriptor mask;
  private final TensorDescriptor reference;
  private final TensorDescriptor first;
  private final TensorDescriptor last;
  private final TensorDescriptor logprobs;
  private final TensorDescriptor scores;
  private final TensorDescriptor counts;
  private final TensorDescriptor backwardMask;
  private final TensorDescriptor backwardFirst;
  private final TensorDescriptor backwardLast;
  private final TensorDescriptor backwardLogprobs;
  private final TensorDescriptor backwardReference;
  private final TensorDescriptor scoreGradient;
  private final TensorDescriptor logprobGradient;
  private final HostTensor[] borrowed = new HostTensor[MOST_BORROWED];
  private int borrowedCount;

  TokenLogprobArguments(Arena arena) {
    struct = NativeStruct.allocate(arena, gavel_token_logprob_args.layout());
    backward = NativeStruct.allocate(arena, gavel_token_logprob_backward_args.layout());
    error = new NativeError(arena);
    hidden = TensorDescriptor.at(struct, gavel_token_logprob_args.hidden$offset());
    logits = TensorDescriptor.at(struct, gavel_token_logprob_args.logits$offset());
    policy = TensorDescriptor.at(struct, gavel_token_logprob_args.policy_logprobs$offset());
    targets = TensorDescriptor.at(struct, gavel_token_logprob_args.targets$offset());
    mask = TensorDescriptor.at(struct, gavel_token_logprob_args.mask$offset());
    reference = TensorDescriptor.at(struct, gavel_token_logprob_args.reference_logprobs$offset());
    first = TensorDescriptor.at(struct, gavel_token_logprob_args.first$offset());
    last = TensorDescriptor.at(struct, gavel_token_logprob_args.last$offset());
    logprobs = TensorDescriptor.at(struct, gavel_token_logprob_args.logprobs$offset());
    scores = TensorDescriptor.at(struct, gavel_token_logprob_args.scores$offset());
    counts = TensorDescriptor.at(struct, gavel_token_logprob_args.counts$offset());
    backwardMask = TensorDescriptor.at(backward, gavel_token_logprob_backward_args.mask$offset());
    backwardFirst = TensorDescriptor.at(backward, gavel_token_logprob_backward_args.first$offset());
    backwardLast = TensorDescriptor.at(backward, gavel_token_logprob_backward_args.last$offset());
    backwardLogprobs =
        TensorDescriptor.at(backward, gavel_token_logprob_backward_args.logprobs$offset());
    backwardReference =
        TensorDescriptor.at(
            backward, gavel_token_logprob_backward_args.reference_logprobs$offset());
    scoreGradient =
        TensorDescriptor.at(backward, gavel_token_logprob_backward_args.dscore$offset());
    logprobGradient =
        TensorDescriptor.at(backward, gavel_token_logprob_backward_args.dlogprobs$offset());
  }

  /** The {@code gavel_token_logprob_args}. */
  MemorySegment struct() {
    return struct;
  }

  /** The {@code gavel_token_logprob_backward_args}. */
  MemorySegment backward() {
    return backward;
  }

  /** Takes a call to the device. */
  void stage(Staging staging) {
    staging.struct(struct, INPUTS, OUTPUTS);
    staging.stream(struct, gavel_token_logprob_args.stream$offset());
  }

  /** Takes a backward call to the device. */
  void stageBackward(Staging staging) {
    staging.struct(backward, BACKWARD_INPUTS, BACKWARD_OUTPUTS);
    staging.stream(backward, gavel_token_logprob_backward_args.stream$offset());
  }

  NativeError error() {
    return error;
  }

  /** Describes the source and where its log-probabilities go. */
  void source(TokenSource source, MemorySegment results) {
    hidden.clear();
    logits.clear();
    policy.clear();
    targets.clear();
    switch (source) {
      case TokenSource.Hidden(Vocabulary vocabulary, HostTensor states, HostTensor tokens) -> {
        matrix(hidden, states);
        vector(targets, tokens);
      }
      case TokenSource.Logits(HostTensor values, HostTensor tokens) -> {
        matrix(logits, values);
        vector(targets, tokens);
      }
      case TokenSource.Given(HostTensor values) -> vector(policy, values);
    }
    logprobs.output(gavel_h.GAVEL_F32(), results, source.rows());
  }

  /** Describes a call that computes log-probabilities alone. */
  void withoutSpans(Optional<HostTensor> wanted) {
    gavel_token_logprob_args.reduce(struct, 0);
    gavel_token_logprob_args.readout(struct, 0);
    gavel_token_logprob_args.beta(struct, 0);
    optional(mask, wanted);
    reference.clear();
    first.clear();
    last.clear();
    scores.clear();
    counts.clear();
  }

  /** Describes spans, and the scores they become. */
  void spans(
      TokenLogprob how,
      MemorySegment firstRows,
      MemorySegment lastRows,
      long count,
      MemorySegment results,
      MemorySegment countValues) {
    gavel_token_logprob_args.reduce(struct, Codes.reduction(how.reduction()));
    gavel_token_logprob_args.readout(struct, Codes.readout(how));
    gavel_token_logprob_args.beta(struct, Codes.beta(how));
    optional(mask, how.mask());
    optional(reference, how.reference());
    first.input(gavel_h.GAVEL_I64(), firstRows, count);
    last.input(gavel_h.GAVEL_I64(), lastRows, count);
    scores.output(gavel_h.GAVEL_F32(), results, count);
    counts.output(gavel_h.GAVEL_I64(), countValues, 2);
  }

  /** Describes the backward call of such spans. */
  void backward(
      TokenLogprob how,
      MemorySegment firstRows,
      MemorySegment lastRows,
      long count,
      MemorySegment forward,
      long rows,
      HostTensor gradient,
      MemorySegment results) {
    gavel_token_logprob_backward_args.reduce(backward, Codes.reduction(how.reduction()));
    gavel_token_logprob_backward_args.readout(backward, Codes.readout(how));
    gavel_token_logprob_backward_args.beta(backward, Codes.beta(how));
    optional(backwardMask, how.mask());
    backwardFirst.input(gavel_h.GAVEL_I64(), firstRows, count);
    backwardLast.input(gavel_h.GAVEL_I64(), lastRows, count);
    switch (how.reduction()) {
      case SUM, MEAN -> {
        backwardLogprobs.clear();
        backwardReference.clear();
      }
      case MIN, MEAN_PROB -> {
        backwardLogprobs.input(gavel_h.GAVEL_F32(), forward, rows);
        optional(backwardReference, how.reference());
      }
    }
    borrow(gradient);
    scoreGradient.input(gavel_h.GAVEL_F32(), gradient.memory(), count);
    logprobGradient.output(gavel_h.GAVEL_F32(), results, rows);
  }

  /** Lets go of the borrowed tensors. */
  void release() {
    while (borrowedCount > 0) {
      borrowedCount--;
      borrowed[borrowedCount].release();
    }
  }

  private void matrix(TensorDescriptor descriptor, HostTensor from) {
    borrow(from);
    long columns = from.size(1);
    descriptor.input(from.dtype().code(), from.memory(), from.size(0), columns, columns);
  }

  private void vector(TensorDescriptor descriptor, HostTensor from) {
    borrow(from);
    descriptor.input(from.dtype().code(), from.memory(), from.elementCount());
  }

  private void optional(TensorDescriptor descriptor, Optional<HostTensor> from) {
    if (from.isPresent()) {
      vector(descriptor, from.get());
    } else {
      descriptor.clear();
    }
  }

  private void borrow(HostTensor tensor) {
    tensor.acquire();
    borrowed[borrowedCount] = tensor;
    borrowedCount++;
  }
}
