package dev.gavel.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TensorDescriptorTest {
  private static final long SIZE = gavel_tensor.layout().byteSize();
  private static final int F32 = gavel_h.GAVEL_F32();

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment struct = arena.allocate(gavel_tensor.layout()).fill((byte) 0x5a);
  private final TensorDescriptor descriptor = TensorDescriptor.at(struct, 0);

  @AfterEach
  void free() {
    arena.close();
  }

  @Test
  void beforeItIsWrittenTheTensorIsAbsent() {
    assertArrayEquals(new byte[(int) SIZE], struct.toArray(ValueLayout.JAVA_BYTE));
  }

  @Test
  void vector() {
    MemorySegment data = arena.allocate(40, 8);
    struct.fill((byte) 0x5a);
    descriptor.input(gavel_h.GAVEL_I64(), data, 5);
    assertFields(gavel_h.GAVEL_I64(), 1, data);
    assertShapeAndStride(new long[] {5, 0, 0, 0}, new long[] {1, 0, 0, 0});
  }

  @Test
  void matrixWithRowStride() {
    MemorySegment data = arena.allocate(1000, 4);
    struct.fill((byte) 0x5a);
    descriptor.output(F32, data, 10, 20, 25);
    assertFields(F32, 2, data);
    assertShapeAndStride(new long[] {10, 20, 0, 0}, new long[] {25, 1, 0, 0});
  }

  @Test
  void clearMakesItAbsentAgain() {
    descriptor.input(F32, arena.allocate(4, 4), 1);
    descriptor.clear();
    assertArrayEquals(new byte[(int) SIZE], struct.toArray(ValueLayout.JAVA_BYTE));
  }

  @Test
  void elementsOfAnArrayLieSideBySide() {
    MemorySegment array = arena.allocate(gavel_tensor.layout(), 3);
    TensorDescriptor.element(array, 1).input(F32, arena.allocate(8, 4), 2);
    assertEquals(0, gavel_tensor.dtype(gavel_tensor.asSlice(array, 0)));
    assertEquals(F32, gavel_tensor.dtype(gavel_tensor.asSlice(array, 1)));
    assertEquals(0, gavel_tensor.dtype(gavel_tensor.asSlice(array, 2)));
    assertThrows(IndexOutOfBoundsException.class, () -> TensorDescriptor.element(array, 3));
  }

  @Test
  void heapMemoryIsRefused() {
    MemorySegment heap = MemorySegment.ofArray(new float[4]);
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> descriptor.input(F32, heap, 4))
            .getMessage()
            .contains("on the Java heap"));
  }

  @Test
  void closedMemoryIsRefused() {
    Arena other = Arena.ofShared();
    MemorySegment data = other.allocate(16, 4);
    other.close();
    assertThrows(IllegalStateException.class, () -> descriptor.input(F32, data, 4));
  }

  @Test
  void memoryConfinedToAnotherThreadIsRefused() {
    MemorySegment data = arena.allocate(16, 4);
    CompletableFuture<Void> other =
        CompletableFuture.runAsync(() -> {
          try (Arena own = Arena.ofConfined()) {
            TensorDescriptor.at(own.allocate(gavel_tensor.layout()), 0).input(F32, data, 4);
          }
        });
    assertEquals(
        WrongThreadException.class,
        assertThrows(CompletionException.class, other::join).getCause().getClass());
  }

  @Test
  void readOnlyMemoryIsForInputsOnly() {
    MemorySegment data = arena.allocate(16, 4).asReadOnly();
    descriptor.input(F32, data, 4);
    assertThrows(IllegalArgumentException.class, () -> descriptor.output(F32, data, 4));
    assertThrows(IllegalArgumentException.class, () -> descriptor.output(F32, data, 2, 2, 2));
  }

  private void assertFields(int dtype, int rank, MemorySegment data) {
    assertEquals(SIZE, gavel_tensor.struct_size(struct));
    assertEquals(dtype, gavel_tensor.dtype(struct));
    assertEquals(gavel_h.GAVEL_CPU(), gavel_tensor.device_type(struct));
    assertEquals(0, gavel_tensor.device_id(struct));
    assertEquals(rank, gavel_tensor.rank(struct));
    assertEquals(0, gavel_tensor.reserved(struct));
    assertEquals(data.address(), gavel_tensor.data(struct).address());
    assertEquals(data.byteSize(), gavel_tensor.byte_length(struct));
  }

  private void assertShapeAndStride(long[] shape, long[] stride) {
    assertArrayEquals(shape, gavel_tensor.shape(struct).toArray(ValueLayout.JAVA_LONG));
    assertArrayEquals(stride, gavel_tensor.stride(struct).toArray(ValueLayout.JAVA_LONG));
  }
}
