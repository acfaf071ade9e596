package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.bindings.NativeHandle;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What a machine with CUDA can do to a caller: each a typed exception that says what to do, and
 * nothing is left behind. Only the emulated machine can be made so; without it these tests are
 * skipped.
 */
@ExtendWith(NoLeaks.class)
class EmulatedFailuresTest {
  private static final Context.Options CUDA = Context.Options.defaults().withDevice(Device.cuda(0));
  private static final Context.Options FAST = CUDA.withMode(Context.Mode.FAST);

  @Test
  void devicesAreNotMixedInOneCall() {
    try (Emulator machine = Emulator.open()) {
      machine.setDeviceCount(2);
      try (Context first = Context.open(CUDA);
          Context second = Context.open(CUDA.withDevice(Device.cuda(1)));
          Stream stream = Stream.open(first);
          Stream there = Stream.open(second);
          RewardHead head = head(first);
          RewardHead other = head(second);
          DeviceTensor hidden = DeviceTensor.allocate(stream, DType.F32, 4, 8);
          DeviceTensor elsewhere = DeviceTensor.allocate(there, DType.F32, 4, 8);
          DeviceTensor rows = DeviceTensor.allocate(stream, DType.I64, 2);
          DeviceTensor scores = DeviceTensor.allocate(stream, DType.F32, 2, 1)) {
        DeviceBatch good = new DeviceBatch(hidden, Optional.empty(), rows);
        DeviceBatch mixed = new DeviceBatch(elsewhere, Optional.empty(), rows);
        refused(() -> score(head, mixed, scores, stream), "args.hidden", "id 1", "id 0");
        refused(() -> score(other, good, scores, stream), "head", "id 1", "id 0");
        refused(() -> elsewhere.copyFrom(zeros(), stream), "id 1", "id 0");
        refused(() -> stream.waitFor(there), "device 0", "device 1");
      }
    }
  }

  @Test
  void hostMemoryIsNoDeviceMemory() {
    try (Emulator machine = Emulator.open();
        Context context = Context.open(CUDA);
        Stream stream = Stream.open(context);
        RewardHead head = head(context);
        HostTensor host = HostTensor.allocate(DType.F32, 4, 8);
        DeviceTensor wrong = DeviceTensor.wrap(context, DType.F32, host.segment().address(), 4, 8);
        DeviceTensor rows = DeviceTensor.allocate(stream, DType.I64, 2);
        DeviceTensor scores = DeviceTensor.allocate(stream, DType.F32, 2, 1)) {
      machine.setDeviceCount(1);
      DeviceBatch batch = new DeviceBatch(wrong, Optional.empty(), rows);
      refused(() -> score(head, batch, scores, stream), "args.hidden", "not pinned", "copy them");
    }
  }

  @Test
  void aFullDeviceSaysWhatWasAskedAndWhatIsFree() {
    try (Emulator machine = Emulator.open();
        Context context = Context.open(CUDA);
        Stream stream = Stream.open(context)) {
      machine.setDeviceMemory(1 << 20);
      long held = context.memory().held();
      long live = NativeHandle.liveCount();
      String asked = Long.toString(4L * 1000 * 1000);
      OutOfDeviceMemoryException full =
          assertThrows(
              OutOfDeviceMemoryException.class,
              () -> DeviceTensor.allocate(stream, DType.F32, 1000, 1000));
      says(full, asked + " bytes were asked for", " are free", "close what is not needed");
      try (HostTensor weight = HostTensor.allocate(DType.F32, 1, 1 << 19)) {
        HeadSpec large = HeadSpec.linear(1 << 19).outputBias(false).build();
        says(
            assertThrows(
                OutOfDeviceMemoryException.class,
                () -> RewardHead.create(context, large, Map.of("output.weight", weight))),
            "the parameters of the head",
            "2097152 bytes were asked for");
      }
      // A call on host tensors that finds no room for its copies there.
      HeadSpec wide = HeadSpec.linear(8192).outputBias(false).build();
      try (RewardHead head = RewardHead.create(context, wide, Init.normal(1, 1));
          HostTensor hidden = HostTensor.allocate(DType.F32, 64, 8192);
          PackedBatch batch = PackedBatch.ofVectors(hidden, 64)) {
        assertThrows(
            OutOfDeviceMemoryException.class,
            () -> head.score(batch, Pooling.index(), Readout.identity()));
        machine.setDeviceMemory(1L << 30);
        assertEquals(64, head.score(batch, Pooling.index(), Readout.identity()).length);
      }
      try (Context probe = Context.open(CUDA)) {
        assertEquals(0, probe.memory().held(), "a context of its own holds nothing of this one");
      }
      assertTrue(NativeHandle.liveCount() >= live, "the context keeps its stream and buffers");
      assertTrue(context.memory().held() >= held);
    }
    assertEquals(0, NativeHandle.liveCount());
  }

  @Test
  void anOldOrAbsentDriverIsNamed() {
    try (Emulator machine = Emulator.open()) {
      machine.setDriverVersion(12080);
      says(
          assertThrows(DeviceUnavailableException.class, () -> Context.open(CUDA)),
          "for CUDA 12.8",
          "CUDA 13.0 or newer",
          "update it");
      assertTrue(Diagnostics.collect().report().contains("12.8"));
      machine.setDriverVersion(0);
      says(
          assertThrows(DeviceUnavailableException.class, () -> Context.open(CUDA)),
          "no NVIDIA driver",
          "install one");
    }
  }

  @Test
  void aCublasLtThatCannotBeUsedIsNamed() {
    String before = System.getProperty(CublasLt.PROPERTY, "");
    try (Emulator machine = Emulator.open()) {
      machine.setDeviceCount(1);
      System.setProperty(CublasLt.PROPERTY, Emulator.cublasLt("old"));
      says(
          assertThrows(UnsupportedException.class, () -> Context.open(FAST)),
          "version 110000",
          "12 and 13",
          "use mode INVARIANT");
      assertTrue(Diagnostics.collect().report().contains("version 110000"));
      System.setProperty(CublasLt.PROPERTY, Emulator.cublasLt("incomplete"));
      says(
          assertThrows(UnsupportedException.class, () -> Context.open(FAST)),
          "no function cublasLtCreate");
      System.setProperty(CublasLt.PROPERTY, Emulator.cublasLt("nowhere"));
      says(assertThrows(UnsupportedException.class, () -> Context.open(FAST)), "cannot be opened");
      // INVARIANT never looks at it.
      try (Context context = Context.open(CUDA)) {
        assertFalse(context.info().detail().contains("cuBLASLt"), context.info().detail());
      }
    } finally {
      System.setProperty(CublasLt.PROPERTY, before);
    }
  }

  /** Whole numbers in mode FAST, enough of them for the library: the CPU's scores. */
  @Test
  void manyResponsesAreScoredWithCublasLt() {
    String before = System.getProperty(CublasLt.PROPERTY, "");
    HeadSpec spec =
        HeadSpec.mlp(8, 16)
            .dtype(DType.BF16)
            .activation(Activation.RELU)
            .hiddenBias(false)
            .outputBias(false)
            .build();
    try (Emulator machine = Emulator.open()) {
      machine.setDeviceCount(1);
      System.setProperty(CublasLt.PROPERTY, Emulator.cublasLt("good"));
      try (Context fast = Context.open(FAST);
          Context cpu = Context.open();
          HostTensor hidden = CudaTest.wholeNumbers(DType.BF16, 2048, 8);
          HostTensor first = CudaTest.wholeNumbers(DType.BF16, 16, 8);
          HostTensor second = CudaTest.wholeNumbers(DType.BF16, 1, 16);
          PackedBatch batch = PackedBatch.ofVectors(hidden, 2048)) {
        assertTrue(fast.info().detail().contains("cuBLASLt 13.1.0"), fast.info().detail());
        assertTrue(Diagnostics.collect().report().contains("cuBLASLt 13.1.0 makes large products"));
        Map<String, HostTensor> parameters =
            Map.of("hidden.0.weight", first, "output.weight", second);
        try (RewardHead there = RewardHead.create(fast, spec, parameters);
            RewardHead here = RewardHead.create(cpu, spec, parameters)) {
          assertArrayEquals(
              here.score(batch, Pooling.index(), Readout.identity()),
              there.score(batch, Pooling.index(), Readout.identity()));
        }
      }
    } finally {
      System.setProperty(CublasLt.PROPERTY, before);
    }
  }

  /** A process that lost its device keeps saying so; in one of its own, as it cannot be undone. */
  @Test
  void aLostDeviceIsSaidFromThenOn() throws IOException, InterruptedException {
    Emulator.open().close();
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:-UsePerfData",
                "--enable-native-access=ALL-UNNAMED",
                "-Dgavel.library.path=" + System.getProperty("gavel.library.path"),
                "-cp",
                System.getProperty("java.class.path"),
                Lost.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), output);
    assertEquals(
        4, output.lines().filter(line -> line.startsWith("DeviceLostException: ")).count(), output);
    assertTrue(output.contains("cudaErrorIllegalAddress"), output);
    assertTrue(output.contains("start a new process"), output);
    assertTrue(output.contains("live 0, leaked 0"), output);
  }

  /** Loses the device and prints what calls say then, again and again. */
  static final class Lost {
    private static final int ILLEGAL_ADDRESS = 700;

    private Lost() {}

    public static void main(String[] arguments) {
      try (Emulator machine = Emulator.open();
          Context context = Context.open(CUDA);
          Stream stream = Stream.open(context);
          RewardHead head = head(context);
          HostTensor hidden = HostTensor.allocate(DType.F32, 4, 8);
          PackedBatch batch = PackedBatch.ofVectors(hidden, 4)) {
        machine.loseDevice(ILLEGAL_ADDRESS);
        for (int again = 0; again < 2; again++) {
          print(() -> head.score(batch, Pooling.index(), Readout.identity()));
          print(stream::synchronize);
        }
      }
      System.out.printf("live %d, leaked %d%n", NativeHandle.liveCount(), NativeHandle.leakCount());
    }

    private static void print(Runnable call) {
      try {
        call.run();
        System.out.println("worked");
      } catch (GavelException e) {
        System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
      }
    }
  }

  private static void score(
      RewardHead head, DeviceBatch batch, DeviceTensor scores, Stream stream) {
    head.score(batch, Pooling.index(), Readout.identity(), scores, stream);
  }

  private static HostTensor zeros() {
    return HostTensor.allocate(DType.F32, 4, 8);
  }

  private static RewardHead head(Context context) {
    return RewardHead.create(
        context, HeadSpec.linear(8).outputBias(false).build(), Init.normal(1, 1));
  }

  private static void refused(org.junit.jupiter.api.function.Executable call, String... parts) {
    says(assertThrows(InvalidArgumentException.class, call), parts);
  }

  private static void says(GavelException thrown, String... parts) {
    for (String part : parts) {
      assertTrue(String.valueOf(thrown.getMessage()).contains(part), thrown + " lacks " + part);
    }
  }
}
