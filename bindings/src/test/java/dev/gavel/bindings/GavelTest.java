package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_context_info;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_head_spec;
import dev.gavel.bindings.ffi.gavel_loss_args;
import dev.gavel.bindings.ffi.gavel_optimizer_options;
import dev.gavel.bindings.ffi.gavel_parameter_info;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every function of the interface, called once through its typed method; the numbers are small
 * integers and exact.
 */
class GavelTest {
  private static final float LEARNING_RATE = 0.5f;

  private long liveBefore;
  private LinearHead linear;

  @BeforeEach
  void open() {
    liveBefore = NativeHandle.liveCount();
    linear = new LinearHead();
  }

  @AfterEach
  void close() {
    linear.close();
    assertEquals(liveBefore, NativeHandle.liveCount());
  }

  @Test
  void versionAndStatusNames() {
    assertEquals(NativeLibrary.load().version(), Gavel.version());
    assertEquals("GAVEL_UNSUPPORTED", Gavel.statusName(gavel_h.GAVEL_UNSUPPORTED()));
    assertEquals("unknown status", Gavel.statusName(-12345));
  }

  @Test
  void contextIsDescribed() {
    MemorySegment info = NativeStruct.allocate(linear.arena, gavel_context_info.layout());
    Gavel.contextDescribe(linear.context, info, linear.error);
    assertEquals(1, gavel_context_info.threads(info));
    assertTrue(
        gavel_context_info.best_instruction_set(info) >= gavel_context_info.instruction_set(info));
    assertTrue(!NativeStruct.text(gavel_context_info.device_name(info)).isEmpty());
  }

  @Test
  void parametersOfASpec() {
    assertEquals(1, Gavel.headParameterCount(linear.spec, linear.error));
    MemorySegment info = NativeStruct.allocate(linear.arena, gavel_parameter_info.layout());
    Gavel.headParameterInfo(linear.spec, 0, info, linear.error);
    assertEquals("output.weight", NativeStruct.text(gavel_parameter_info.name(info)));
    assertEquals(2, gavel_parameter_info.rank(info));
    assertEquals(1, gavel_parameter_info.shape(info, 0));
    assertEquals(LinearHead.WIDTH, gavel_parameter_info.shape(info, 1));
  }

  @Test
  void scoresAreTheProducts() {
    linear.score();
    // rows {4, 5, 6, 7} and {0, 1, 2, 3} times {1, 2, 3, 4}
    assertArrayEquals(new float[] {60, 20}, linear.scores.toArray(ValueLayout.JAVA_FLOAT));
  }

  @Test
  void failureIsAnExceptionWithTheLibrarysWords() {
    linear.last.setAtIndex(ValueLayout.JAVA_LONG, 1, 99);
    NativeException e = assertThrows(NativeException.class, linear::score);
    assertEquals(gavel_h.GAVEL_INVALID_ARGUMENT(), e.status());
    assertEquals("gavel_score", e.operation());
    assertTrue(String.valueOf(e.getMessage()).contains("99"), e.getMessage());
  }

  @Test
  void refusedSpecIsAnException() {
    gavel_head_spec.input_width(linear.spec, -1);
    NativeException e =
        assertThrows(
            NativeException.class, () -> Gavel.headParameterCount(linear.spec, linear.error));
    assertEquals(gavel_h.GAVEL_INVALID_ARGUMENT(), e.status());
  }

  @Test
  void closedHandleIsNamed() {
    linear.head.close();
    IllegalStateException e = assertThrows(IllegalStateException.class, linear::score);
    assertEquals(linear.head.name() + " is closed", e.getMessage());
  }

  @Test
  void contextMayCloseBeforeItsHead() {
    linear.context.close();
    MemorySegment read = floats(LinearHead.WIDTH);
    MemorySegment tensor = matrixOut(read, 1, LinearHead.WIDTH);
    Gavel.headRead(linear.head, 0, tensor, linear.error);
    assertArrayEquals(new float[] {1, 2, 3, 4}, read.toArray(ValueLayout.JAVA_FLOAT));
  }

  @Test
  void lossOverGivenScores() {
    MemorySegment args = NativeStruct.allocate(linear.arena, gavel_loss_args.layout());
    gavel_loss_args.kind(args, gavel_h.GAVEL_LOSS_BRADLEY_TERRY());
    gavel_loss_args.reduction(args, gavel_h.GAVEL_REDUCTION_SUM());
    gavel_loss_args.weight(args, 1);
    gavel_loss_args.beta(args, 1);
    MemorySegment scores = floats(2);
    MemorySegment pair = linear.arena.allocateFrom(ValueLayout.JAVA_LONG, 0, 1);
    MemorySegment dscore = floats(2);
    int f32 = gavel_h.GAVEL_F32();
    TensorDescriptor.at(args, gavel_loss_args.scores$offset()).input(f32, scores, 2);
    TensorDescriptor.at(args, gavel_loss_args.pairs$offset())
        .input(gavel_h.GAVEL_I64(), pair, 1, 2, 2);
    TensorDescriptor.at(args, gavel_loss_args.dscore$offset()).output(f32, dscore, 2);
    Gavel.loss(linear.context, args, linear.error);
    // equal scores: d/dz log(1 + exp(-z)) at z = 0
    assertArrayEquals(new float[] {-0.5f, 0.5f}, dscore.toArray(ValueLayout.JAVA_FLOAT));
  }

  @Test
  void backwardAndScatter() {
    int f32 = gavel_h.GAVEL_F32();
    MemorySegment args = NativeStruct.allocate(linear.arena, gavel_backward_args.layout());
    gavel_backward_args.pooling(args, gavel_h.GAVEL_POOLING_INDEX());
    MemorySegment dscore = linear.arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 10);
    MemorySegment dvectors = floats(LinearHead.ROWS * LinearHead.WIDTH);
    TensorDescriptor.at(args, gavel_backward_args.hidden$offset())
        .input(f32, linear.hidden, LinearHead.ROWS, LinearHead.WIDTH, LinearHead.WIDTH);
    TensorDescriptor.at(args, gavel_backward_args.last$offset())
        .input(gavel_h.GAVEL_I64(), linear.last, LinearHead.ROWS);
    TensorDescriptor.at(args, gavel_backward_args.dscore$offset())
        .input(f32, dscore, LinearHead.ROWS, 1, 1);
    TensorDescriptor.at(args, gavel_backward_args.dvectors$offset())
        .output(f32, dvectors, LinearHead.ROWS, LinearHead.WIDTH, LinearHead.WIDTH);
    MemorySegment gradient = floats(LinearHead.WIDTH);
    Gavel.backward(
        linear.context, linear.head, args, matrixOut(gradient, 1, LinearHead.WIDTH), linear.error);
    // 1 * {4, 5, 6, 7} + 10 * {0, 1, 2, 3}
    assertArrayEquals(new float[] {4, 15, 26, 37}, gradient.toArray(ValueLayout.JAVA_FLOAT));
    assertArrayEquals(
        new float[] {1, 2, 3, 4, 10, 20, 30, 40}, dvectors.toArray(ValueLayout.JAVA_FLOAT));

    MemorySegment scatter = NativeStruct.allocate(linear.arena, gavel_scatter_args.layout());
    gavel_scatter_args.pooling(scatter, gavel_h.GAVEL_POOLING_INDEX());
    MemorySegment dhidden = floats(LinearHead.ROWS * LinearHead.WIDTH);
    TensorDescriptor.at(scatter, gavel_scatter_args.last$offset())
        .input(gavel_h.GAVEL_I64(), linear.last, LinearHead.ROWS);
    TensorDescriptor.at(scatter, gavel_scatter_args.dvectors$offset())
        .input(f32, dvectors, LinearHead.ROWS, LinearHead.WIDTH, LinearHead.WIDTH);
    TensorDescriptor.at(scatter, gavel_scatter_args.dhidden$offset())
        .output(f32, dhidden, LinearHead.ROWS, LinearHead.WIDTH, LinearHead.WIDTH);
    Gavel.scatter(linear.context, scatter, linear.error);
    assertArrayEquals(
        new float[] {10, 20, 30, 40, 1, 2, 3, 4}, dhidden.toArray(ValueLayout.JAVA_FLOAT));
  }

  @Test
  void optimizerStepsAndResumes() {
    MemorySegment options = NativeStruct.allocate(linear.arena, gavel_optimizer_options.layout());
    gavel_optimizer_options.learning_rate(options, LEARNING_RATE);
    gavel_optimizer_options.epsilon(options, 1e-8f);
    try (NativeHandle optimizer = Gavel.optimizerCreate(linear.head, options, linear.error)) {
      MemorySegment values = floats(LinearHead.WIDTH);
      MemorySegment tensor = matrixOut(values, 1, LinearHead.WIDTH);
      values.copyFrom(linear.arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 1, -1, -1));
      Gavel.optimizerStep(optimizer, tensor, LEARNING_RATE, MemorySegment.NULL, linear.error);
      assertEquals(1, Gavel.optimizerStepCount(optimizer));

      // With both betas 0 a first step is the sign of the gradient times the learning rate, up to
      // epsilon.
      int master = gavel_h.GAVEL_OPTIMIZER_MASTER();
      Gavel.optimizerRead(optimizer, master, 0, tensor, linear.error);
      assertArrayEquals(
          new float[] {0.5f, 1.5f, 3.5f, 4.5f}, values.toArray(ValueLayout.JAVA_FLOAT), 1e-6f);

      values.fill((byte) 0);
      Gavel.optimizerWrite(optimizer, master, 0, tensor, linear.error);
      Gavel.optimizerSetStepCount(optimizer, 41, linear.error);
      assertEquals(41, Gavel.optimizerStepCount(optimizer));
    }
    linear.score();
    assertArrayEquals(new float[] {0, 0}, linear.scores.toArray(ValueLayout.JAVA_FLOAT));
  }

  @Test
  void structThatIsTooSmallIsRefusedBeforeNativeCodeReadsIt() {
    MemorySegment small = linear.args.asSlice(0, 64);
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                Gavel.score(linear.context, linear.head, small, MemorySegment.NULL, linear.error));
    assertTrue(String.valueOf(e.getMessage()).startsWith("gavel_score_args needs"));
    assertThrows(
        IllegalArgumentException.class,
        () -> Gavel.score(linear.context, linear.head, linear.args, small, linear.error));
    MemorySegment halfADescriptor = linear.arena.allocate(gavel_tensor.layout()).asSlice(0, 60);
    assertThrows(
        IllegalArgumentException.class,
        () -> Gavel.headCreate(linear.context, linear.spec, halfADescriptor, linear.error));
  }

  @Test
  void warmScoreCallAllocatesNothing() {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int calls = 20_000;
    long least = Long.MAX_VALUE;
    // The first rounds run interpreted and compile; one round of 20 000 calls without a byte is the
    // proof.
    for (int round = 0; round < 20 && least > 0; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int call = 0; call < calls; call++) {
        linear.score();
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertEquals(0, least, "bytes allocated by " + calls + " warmed-up score calls");
  }

  private MemorySegment floats(int count) {
    return linear.arena.allocate(ValueLayout.JAVA_FLOAT, count);
  }

  private MemorySegment matrixOut(MemorySegment data, long rows, long columns) {
    MemorySegment tensor = linear.arena.allocate(gavel_tensor.layout());
    TensorDescriptor.element(tensor, 0).output(gavel_h.GAVEL_F32(), data, rows, columns, columns);
    return tensor;
  }
}
