package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostTensorTest {

  @Test
  void printsTypeAndShape() {
    try (HostTensor tensor = HostTensor.allocate(DType.BF16, 3, 4096)) {
      assertEquals("bf16[3,4096]", tensor.toString());
      assertEquals(3 * 4096, tensor.elementCount());
      assertEquals(2 * 3 * 4096, tensor.segment().byteSize());
      assertEquals(0, tensor.segment().address() % 64);
    }
  }

  /** Every bf16 and f16 survives widening and rounding; a NaN stays a NaN. */
  @Test
  void everyNarrowNumberRoundTrips() {
    try (HostTensor bf16 = HostTensor.allocate(DType.BF16, 1);
        HostTensor f16 = HostTensor.allocate(DType.F16, 1)) {
      for (int bits = 0; bits < 1 << 16; bits++) {
        float wide = Bfloat16.toFloat((short) bits);
        bf16.setFloat(0, wide);
        assertEquals(Float.isNaN(wide), Float.isNaN(bf16.floatAt(0)));
        if (!Float.isNaN(wide)) {
          assertEquals(Float.floatToRawIntBits(wide), Float.floatToRawIntBits(bf16.floatAt(0)));
        }
        float half = Float.float16ToFloat((short) bits);
        f16.setFloat(0, half);
        assertEquals(Float.compare(half, Float.NaN), Float.compare(f16.floatAt(0), Float.NaN));
      }
    }
  }

  /**
   * Rounding to bf16 is to the nearest, and to the even one of two: around every half-way number.
   */
  @Test
  void bf16RoundsToNearestEven() {
    for (int upper = 0; upper < 1 << 16; upper++) {
      for (int lower : new int[] {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff}) {
        checkBf16((upper << 16) | lower);
      }
    }
  }

  private static void checkBf16(int bits) {
    float value = Float.intBitsToFloat(bits);
    float rounded = Bfloat16.toFloat(Bfloat16.ofFloat(value));
    if (!Float.isFinite(value)) {
      assertEquals(Float.compare(value, Float.NaN), Float.compare(rounded, Float.NaN));
      return;
    }
    // One step of bf16 in either direction; past the largest number they are infinite.
    float below = Float.intBitsToFloat(bits & 0xffff0000);
    float above = Float.intBitsToFloat((bits & 0xffff0000) + 0x10000);
    double toBelow = Math.abs((double) value - below);
    double toAbove =
        Math.abs(
            (Float.isInfinite(above) ? Math.copySign(0x1p128, value) : above) - (double) value);
    float nearest = toBelow < toAbove ? below : above;
    if (toBelow == toAbove) {
      nearest = (bits >>> 16 & 1) == 0 ? below : above;
    }
    assertEquals(Float.floatToRawIntBits(nearest), Float.floatToRawIntBits(rounded));
  }

  @Test
  void elementsAreReadAndWrittenByTheirKind() {
    try (HostTensor masks = HostTensor.of(new boolean[] {true, false});
        HostTensor floats = HostTensor.of(new float[] {1, 2, 3, 4}, 2, 2);
        HostTensor longs = HostTensor.of(new long[] {Long.MIN_VALUE, 9}, 2);
        HostTensor ints = HostTensor.allocate(DType.I32, 1)) {
      assertEquals(1, masks.longAt(0));
      masks.setLong(1, 255);
      assertEquals(255, masks.longAt(1));
      assertThrows(InvalidTensorException.class, () -> masks.setLong(0, 256));
      assertThrows(InvalidTensorException.class, () -> masks.setLong(0, -1));
      assertThrows(InvalidTensorException.class, () -> ints.setLong(0, 1L << 31));
      assertEquals(3, floats.floatAt(2));
      assertEquals(Long.MIN_VALUE, longs.longAt(0));
      assertThrows(InvalidTensorException.class, () -> floats.longAt(0));
      assertThrows(InvalidTensorException.class, () -> floats.setLong(0, 1));
      assertThrows(InvalidTensorException.class, () -> longs.floatAt(0));
      assertThrows(InvalidTensorException.class, () -> longs.setFloat(0, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> floats.floatAt(4));
      assertThrows(IndexOutOfBoundsException.class, () -> floats.floatAt(-1));
      assertThrows(InvalidTensorException.class, () -> floats.setFloats(new float[3]));
      assertThrows(InvalidTensorException.class, () -> HostTensor.of(new float[3], 2, 2));
    }
  }

  /** No shape makes anything but a tensor of that shape or a refusal that prints it. */
  @Property
  void anyShapeIsCheckedOrRefused(@ForAll DType dtype, @ForAll @Size(max = 6) long[] shape) {
    java.math.BigInteger bytes = java.math.BigInteger.valueOf(dtype.bytes());
    boolean valid = shape.length >= 1 && shape.length <= 4;
    java.math.BigInteger product = bytes;
    boolean empty = false;
    for (long length : shape) {
      valid &= length >= 0;
      empty |= length == 0;
      product = product.multiply(java.math.BigInteger.valueOf(Math.max(length, 1)));
    }
    valid &= product.bitLength() < 64;
    if (valid) {
      assertEquals(empty ? 0 : product.longValueExact(), Shapes.byteLength(dtype, shape));
    } else {
      InvalidTensorException refused =
          assertThrows(InvalidTensorException.class, () -> HostTensor.allocate(dtype, shape));
      assertTrue(refused.getMessage().contains(Shapes.print(dtype, shape)), refused.getMessage());
    }
  }

  @Test
  void memoryThatCannotBeHadIsSaidSo() {
    OutOfHostMemoryException refused =
        assertThrows(
            OutOfHostMemoryException.class,
            () -> HostTensor.allocate(DType.F32, 1L << 40, 1L << 10));
    assertTrue(refused.getMessage().contains("f32[1099511627776,1024]"), refused.getMessage());
    assertEquals("GAVEL_OUT_OF_HOST_MEMORY", refused.statusName());
    // More than there are addresses.
    refused =
        assertThrows(
            OutOfHostMemoryException.class, () -> HostTensor.allocate(DType.U8, Long.MAX_VALUE));
    assertFalse(refused.getMessage().contains("null"), refused.getMessage());
  }

  @Test
  void memoryThatAnObjectCannotHaveIsSaidSo() {
    HeadSpec wide = HeadSpec.linear(4).outputWidth(1 << 16).build();
    OutOfHostMemoryException refused =
        assertThrows(
            OutOfHostMemoryException.class, () -> ScoreBatch.allocate(wide, Integer.MAX_VALUE));
    assertTrue(refused.getMessage().contains("2147483647 responses"), refused.getMessage());
    List<String> closed = new ArrayList<>();
    List<Arena> arenas = new ArrayList<>();
    refused =
        assertThrows(
            OutOfHostMemoryException.class,
            () ->
                OwnedMemory.make(
                    "a thing",
                    memory -> {
                      arenas.add(memory.arena());
                      memory.add(() -> closed.add("part"));
                      throw new OutOfMemoryError("Unable to allocate 5 bytes");
                    }));
    assertTrue(
        refused.getMessage().contains("a thing: Unable to allocate 5 bytes"), refused.getMessage());
    assertEquals(List.of("part"), closed);
    assertFalse(arenas.getFirst().scope().isAlive());
  }

  @Test
  void readOnlyMemoryIsReadAndNotWritten() {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(16, 8);
      memory.set(java.lang.foreign.ValueLayout.JAVA_FLOAT, 4, 2.5f);
      try (HostTensor floats = HostTensor.wrap(DType.F32, memory.asReadOnly(), 1, 4);
          HostTensor longs = HostTensor.wrap(DType.I64, memory.asReadOnly(), 2);
          PackedBatch batch = PackedBatch.ofVectors(floats, 1);
          HostTensor gradient = HostTensor.allocate(DType.F32, 1, 1);
          Context context = Context.open();
          RewardHead head =
              RewardHead.create(context, HeadSpec.linear(4).build(), Init.normal(1, 1));
          Step step = Step.allocate(head, 1, 1, Step.Extra.VECTOR_GRADIENTS)) {
        assertEquals(2.5f, floats.floatAt(1));
        step.forward(batch, Pooling.index(), Readout.identity());
        step.backward(gradient, Step.Accumulation.REPLACE);
        refusesToWrite("f32[1,4]", () -> step.scatter(floats));
        refusesToWrite("f32[1,4]", () -> floats.setFloat(0, 1));
        refusesToWrite("i64[2]", () -> longs.setLong(0, 1));
      }
    }
  }

  private static void refusesToWrite(String name, org.junit.jupiter.api.function.Executable call) {
    InvalidTensorException refused = assertThrows(InvalidTensorException.class, call);
    assertTrue(
        refused.getMessage().contains("tensor " + name + " wraps memory that is read-only"),
        refused.getMessage());
  }

  @Test
  void onlyFittingNativeMemoryIsWrapped(@TempDir Path directory) throws IOException {
    Path file = Files.write(directory.resolve("data"), new byte[64]);
    try (Arena arena = Arena.ofShared();
        FileChannel channel = FileChannel.open(file)) {
      MemorySegment memory = arena.allocate(64, 64);
      refusesToWrap(MemorySegment.ofArray(new float[4]), "Java heap", 4);
      refusesToWrap(channel.map(FileChannel.MapMode.READ_ONLY, 0, 64, arena), "mapped file", 4, 4);
      refusesToWrap(memory, "64 bytes as f32[3,5], which has 60", 3, 5);
      refusesToWrap(memory.asSlice(2, 16), "aligned to 4 bytes", 4);
      try (HostTensor tensor = HostTensor.wrap(DType.F32, memory, 4, 4)) {
        tensor.setFloat(5, 2.5f);
        assertEquals(2.5f, memory.getAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, 5));
      }
      assertTrue(memory.scope().isAlive());
    }
  }

  @Test
  void memoryOfAnotherThreadIsRefused() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(16, 4);
      CompletionException failed =
          assertThrows(
              CompletionException.class,
              () -> CompletableFuture.runAsync(() -> HostTensor.wrap(DType.F32, memory, 4)).join());
      assertEquals(WrongThreadException.class, failed.getCause().getClass());
    }
  }

  @Test
  void closedMemoryIsRefusedAtEveryUse() {
    HostTensor tensor = HostTensor.allocate(DType.F32, 2);
    MemorySegment kept = tensor.segment();
    tensor.acquire();
    assertThrows(IllegalStateException.class, tensor::close);
    tensor.release();
    tensor.close();
    tensor.close();
    assertThrows(IllegalStateException.class, tensor::segment);
    assertThrows(IllegalStateException.class, tensor::acquire);
    assertThrows(IllegalStateException.class, () -> tensor.floatAt(0));
    assertThrows(
        IllegalStateException.class, () -> kept.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0));

    Arena arena = Arena.ofShared();
    HostTensor wrapped = HostTensor.wrap(DType.F32, arena.allocate(8, 4), 2);
    arena.close();
    IllegalStateException refused = assertThrows(IllegalStateException.class, wrapped::acquire);
    assertTrue(refused.getMessage().contains("arena is closed"), refused.getMessage());
    wrapped.close();
  }

  private static void refusesToWrap(MemorySegment memory, String expected, long... shape) {
    InvalidTensorException refused =
        assertThrows(InvalidTensorException.class, () -> HostTensor.wrap(DType.F32, memory, shape));
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
  }
}
