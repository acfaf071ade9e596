package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_head_spec;
import dev.gavel.bindings.ffi.gavel_loss_args;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_score_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Every native entry point given damaged structs: a valid call with a few words of its structs
 * changed at random. The call succeeds or is refused with a message; the JVM lives, and not one
 * byte outside the memory that was offered changes.
 */
class RawCallTest {
  private static final int TRIES = 3000;

  @Property(tries = TRIES)
  void score(@ForAll long seed) {
    try (RawCall call = new RawCall(seed, true)) {
      MemorySegment args = call.scoreArguments();
      call.damage(args, gavel_score_args.layout());
      call.expectAnswer(
          () -> Gavel.score(call.context(), call.head(), args, MemorySegment.NULL, call.error()));
    }
  }

  @Property(tries = TRIES)
  void scoreWithLoss(@ForAll long seed, @ForAll boolean pairs) {
    try (RawCall call = new RawCall(seed, true)) {
      MemorySegment args = call.scoreArguments();
      MemorySegment loss = pairs ? call.pairLoss(false) : call.groupLoss(false);
      call.damage(loss, gavel_loss_args.layout());
      call.expectAnswer(() -> Gavel.score(call.context(), call.head(), args, loss, call.error()));
    }
  }

  @Property(tries = TRIES)
  void loss(@ForAll long seed, @ForAll boolean pairs) {
    try (RawCall call = new RawCall(seed, true)) {
      MemorySegment args = pairs ? call.pairLoss(true) : call.groupLoss(true);
      call.damage(args, gavel_loss_args.layout());
      call.expectAnswer(() -> Gavel.loss(call.context(), args, call.error()));
    }
  }

  @Property(tries = TRIES)
  void backward(@ForAll long seed, @ForAll boolean damageGradients) {
    try (RawCall call = new RawCall(seed, true)) {
      MemorySegment args = call.backwardArguments();
      MemorySegment gradients = call.gradients();
      if (damageGradients) {
        call.damageArray(gradients);
      } else {
        call.damage(args, gavel_backward_args.layout());
      }
      call.expectAnswer(
          () -> Gavel.backward(call.context(), call.head(), args, gradients, call.error()));
    }
  }

  @Property(tries = TRIES)
  void scatter(@ForAll long seed) {
    try (RawCall call = new RawCall(seed, true)) {
      MemorySegment args = call.scatterArguments();
      call.damage(args, gavel_scatter_args.layout());
      call.expectAnswer(() -> Gavel.scatter(call.context(), args, call.error()));
    }
  }

  @Property(tries = 500)
  void optimizer(@ForAll long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (RawCall call = new RawCall(seed, true);
        Optimizer optimizer = Optimizer.create(call.rewardHead(), AdamW.defaults())) {
      MemorySegment gradients = call.gradients();
      call.damageArray(gradients);
      MemorySegment one = gradients.asSlice(0, gavel_tensor.layout());
      int state = random.nextInt(-1, 6);
      int index = random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(-1, 6);
      float rate = random.nextInt(8) == 0 ? Float.intBitsToFloat(random.nextInt()) : 0.1f;
      long steps = random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(100);
      var handle = optimizer.handle();
      call.expectAnswer(
          () -> Gavel.optimizerStep(handle, gradients, rate, MemorySegment.NULL, call.error()));
      call.expectAnswer(() -> Gavel.optimizerRead(handle, state, index, one, call.error()));
      call.expectAnswer(() -> Gavel.optimizerWrite(handle, state, index, one, call.error()));
      call.expectAnswer(() -> Gavel.optimizerSetStepCount(handle, steps, call.error()));
      call.expectAnswer(() -> Gavel.headRead(call.head(), index, one, call.error()));
    }
  }

  /**
   * Any head spec at all is counted or refused, and a head is only made of parameters that fit it.
   */
  @Property(tries = TRIES)
  void headSpec(@ForAll long seed) {
    try (RawCall call = new RawCall(seed, true);
        Arena arena = Arena.ofConfined()) {
      NativeError error = new NativeError(arena);
      MemorySegment spec = HeadParameters.struct(arena, RawCall.SPEC);
      call.damage(spec, gavel_head_spec.layout());
      call.expectAnswer(() -> {
        int count = Gavel.headParameterCount(spec, error);
        assertTrue(count >= 1 && count <= 27, "count " + count);
      });
      MemorySegment parameters = call.gradients();
      call.expectAnswer(() -> Gavel.headCreate(call.context(), spec, parameters, error).close());
    }
  }

  /** The undamaged calls succeed: what is refused above is refused for its damage. */
  @Property(tries = 20)
  void undamagedCallsSucceed(@ForAll long seed) {
    try (RawCall call = new RawCall(seed, false)) {
      Gavel.score(
          call.context(), call.head(), call.scoreArguments(), call.pairLoss(false), call.error());
      Gavel.score(
          call.context(), call.head(), call.scoreArguments(), call.groupLoss(false), call.error());
      Gavel.loss(call.context(), call.pairLoss(true), call.error());
      Gavel.loss(call.context(), call.groupLoss(true), call.error());
      Gavel.backward(
          call.context(), call.head(), call.backwardArguments(), call.gradients(), call.error());
      Gavel.scatter(call.context(), call.scatterArguments(), call.error());
    }
  }
}
