package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Device tensors to another framework and back, and what one may hand over that is no tensor. */
@ExtendWith(NoLeaks.class)
@SuppressWarnings("restricted") // the structs of another framework
class CudaDlPackTest {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  /** The same memory, held open until it is deleted. */
  @Test
  void tensorsCrossWithoutACopy() {
    try (Context context = CudaTest.cuda();
        Stream stream = Stream.open(context);
        HostTensor values = CudaTest.wholeNumbers(DType.BF16, 5, 7);
        HostTensor back = HostTensor.allocate(DType.BF16, 5, 7)) {
      DeviceTensor given = DeviceTensor.allocate(stream, DType.BF16, 5, 7);
      given.copyFrom(values, stream);
      DeviceTensor taken = DlPack.take(context, DlPack.give(given));
      assertEquals("bf16[5,7]", taken.toString());
      assertEquals(given.address(), taken.address());
      assertThrows(IllegalStateException.class, given::close, "its taker uses it");
      taken.copyTo(back, stream);
      stream.synchronize();
      assertArrayEquals(values.toFloats(), back.toFloats());
      taken.close();
      taken.close();
      given.close();
    }
  }

  @Test
  void everyTypeCrosses() {
    try (Context context = CudaTest.cuda();
        Stream stream = Stream.open(context)) {
      for (DType dtype : DType.values()) {
        DeviceTensor given = DeviceTensor.allocate(stream, dtype, 3);
        try (DeviceTensor taken = DlPack.take(context, DlPack.give(given))) {
          assertEquals(dtype, taken.dtype());
        }
        given.close();
      }
    }
  }

  /** Each refusal names what it found, and deletes nothing. */
  @Test
  void whatIsNoTensorIsRefused() {
    try (Context context = CudaTest.cuda();
        Stream stream = Stream.open(context);
        Context cpu = Context.open()) {
      DeviceTensor given = DeviceTensor.allocate(stream, DType.F32, 4, 6);
      refused(context, given, at -> at.set(INT, 0, 2), "its version is 2");
      refused(context, given, at -> at.set(LONG, 24, 1), "read-only");
      refused(context, given, at -> at.set(INT, 40, 1), "device 0 of type 1");
      refused(context, given, at -> at.set(INT, 44, 1), "device 1 of type 2");
      refused(context, given, at -> at.set(INT, 48, 3), "3 dimensions");
      refused(context, given, at -> at.set(INT, 48, -1), "-1 dimensions");
      refused(context, given, at -> at.set(INT, 48, 0), "0 dimensions");
      refused(context, given, at -> at.set(ValueLayout.JAVA_BYTE, 52, (byte) 5), "code 5");
      refused(context, given, at -> at.set(ValueLayout.JAVA_BYTE, 53, (byte) 64), "64 bits");
      refused(context, given, at -> at.set(ValueLayout.JAVA_SHORT, 54, (short) 4), "4 lanes");
      refused(context, given, at -> at.set(LONG, 56, 0), "shape is NULL");
      refused(context, given, at -> shape(at).setAtIndex(LONG, 0, -4), "negative length");
      refused(context, given, at -> shape(at).setAtIndex(LONG, 0, 1L << 62), "2^63 bytes");
      refused(context, given, at -> strides(at).setAtIndex(LONG, 0, 8), "stride 0 is 8");
      refused(context, given, at -> strides(at).setAtIndex(LONG, 1, 2), "stride 1 is 2");
      refused(context, given, at -> at.set(LONG, 72, 2), "not aligned to 4 bytes");
      refused(context, given, at -> at.set(LONG, 72, -4), "passes the end of memory");
      refused(context, given, at -> at.set(LONG, 32, 0), "data is NULL");
      assertTrue(
          assertThrows(InvalidTensorException.class, () -> DlPack.take(context, MemorySegment.NULL))
              .getMessage()
              .contains("address is 0"));
      MemorySegment managed = DlPack.give(given);
      assertThrows(UnsupportedException.class, () -> DlPack.take(cpu, managed));
      DlPack.take(context, managed).close();
      given.close();
    }
  }

  /** A stride that is NULL says contiguous, and one of a single row says nothing. */
  @Test
  void stridesThatSayNothing() {
    try (Context context = CudaTest.cuda();
        Stream stream = Stream.open(context)) {
      DeviceTensor given = DeviceTensor.allocate(stream, DType.F32, 1, 6);
      MemorySegment without = DlPack.give(given);
      without.reinterpret(80).set(LONG, 64, 0);
      DlPack.take(context, without).close();
      MemorySegment odd = DlPack.give(given);
      strides(odd.reinterpret(80)).setAtIndex(LONG, 0, 99);
      DlPack.take(context, odd).close();
      given.close();
    }
  }

  private static MemorySegment shape(MemorySegment struct) {
    return MemorySegment.ofAddress(struct.get(LONG, 56)).reinterpret(16);
  }

  private static MemorySegment strides(MemorySegment struct) {
    return MemorySegment.ofAddress(struct.get(LONG, 64)).reinterpret(16);
  }

  private static void refused(
      Context context, DeviceTensor given, Consumer<MemorySegment> spoil, String text) {
    MemorySegment struct = DlPack.give(given).reinterpret(80);
    byte[] before = struct.toArray(ValueLayout.JAVA_BYTE);
    long[] lengths = shape(struct).toArray(LONG);
    long[] steps = strides(struct).toArray(LONG);
    spoil.accept(struct);
    InvalidTensorException refusal =
        assertThrows(InvalidTensorException.class, () -> DlPack.take(context, struct), text);
    assertTrue(refusal.getMessage().contains(text), refusal.getMessage() + " lacks " + text);
    // Still the caller's: whole again, it can be taken.
    MemorySegment.copy(before, 0, struct, ValueLayout.JAVA_BYTE, 0, before.length);
    MemorySegment.copy(lengths, 0, shape(struct), LONG, 0, lengths.length);
    MemorySegment.copy(steps, 0, strides(struct), LONG, 0, steps.length);
    DlPack.take(context, struct).close();
  }
}
