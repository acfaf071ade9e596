package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.Refusals.refuses;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** State dicts as torch.save writes them, in every type and with every kind of view. */
class PytorchFileTest {
  @TempDir private Path directory;

  private PytorchSource open(TorchFile file) {
    Path path = directory.resolve("head.pt");
    file.write(path);
    return new PytorchSource(path);
  }

  private static TestTensor numbers(DType dtype, long... shape) {
    int count = 1;
    for (long length : shape) {
      count *= (int) length;
    }
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = i + 1;
    }
    return TestTensor.of(dtype, shape, values);
  }

  private static double[] values(HostTensor tensor) {
    double[] values = new double[(int) tensor.elementCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.dtype().isFloat() ? tensor.floatAt(i) : tensor.longAt(i);
    }
    return values;
  }

  private static void assertHas(PytorchSource source, String name, double... expected) {
    try (HostTensor tensor = source.read(name)) {
      assertArrayEquals(expected, values(tensor), name);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void everyTypeIsReadInEveryProtocol(int protocol) {
    TorchFile file = new TorchFile(protocol);
    for (DType dtype : DType.values()) {
      file.add(dtype + ".matrix", numbers(dtype, 3, 5));
    }
    file.parameter("parameter", numbers(DType.BF16, 2));
    file.add("scalar", numbers(DType.I64));
    try (PytorchSource source = open(file)) {
      assertEquals(DType.values().length + 2, source.names().size());
      for (DType dtype : DType.values()) {
        assertEquals(List.of(3L, 5L), source.describe(dtype + ".matrix").shape());
        assertHas(source, dtype + ".matrix", numbers(dtype, 3, 5).values());
      }
      assertHas(source, "parameter", 1, 2);
      assertHas(source, "scalar", 1);
    }
  }

  /** More names than one byte counts: the memo goes on with four-byte places. */
  @Test
  void aLongStateDictIsRead() {
    TorchFile file = new TorchFile(2);
    for (int i = 0; i < 300; i++) {
      file.add("layer." + i, TestTensor.of(DType.F32, new long[] {1}, i));
    }
    try (PytorchSource source = open(file)) {
      assertHas(source, "layer.299", 299);
    }
  }

  @Test
  void viewsOfOneStorageAreReadRight() {
    TorchFile file = new TorchFile(2);
    String key = file.storage(numbers(DType.F32, 24));
    file.view("offset", DType.F32, key, 24, 6, new long[] {2, 3}, new long[] {3, 1});
    file.view("transposed", DType.F32, key, 24, 0, new long[] {3, 2}, new long[] {1, 3});
    file.view("every second", DType.F32, key, 24, 1, new long[] {3}, new long[] {2});
    file.view("column", DType.F32, key, 24, 2, new long[] {4, 1}, new long[] {6, 1});
    file.view("permuted", DType.F32, key, 24, 0, new long[] {2, 2, 3}, new long[] {1, 12, 4});
    file.view("repeated", DType.F32, key, 24, 23, new long[] {3}, new long[] {0});
    file.view("overlapping", DType.F32, key, 24, 0, new long[] {3, 2}, new long[] {1, 1});
    file.view("empty", DType.F32, key, 24, 24, new long[] {0, 4}, new long[] {4, 1});
    file.view("one", DType.F32, key, 24, 23, new long[] {1, 1}, new long[] {99, 99});
    try (PytorchSource source = open(file)) {
      assertHas(source, "offset", 7, 8, 9, 10, 11, 12);
      assertHas(source, "transposed", 1, 4, 2, 5, 3, 6);
      assertHas(source, "every second", 2, 4, 6);
      assertHas(source, "column", 3, 9, 15, 21);
      assertHas(source, "permuted", 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22);
      assertHas(source, "repeated", 24, 24, 24);
      assertHas(source, "overlapping", 1, 2, 2, 3, 3, 4);
      assertHas(source, "empty");
      assertHas(source, "one", 24);
      try (HostTensor row = source.readRow("transposed", 1);
          HostTensor element = source.readRow("every second", 2)) {
        assertArrayEquals(new long[] {1, 2}, row.shape());
        assertArrayEquals(new double[] {2, 5}, values(row));
        assertArrayEquals(new double[] {6}, values(element));
      }
    }
  }

  /** Any view that fits is read as plain index arithmetic says. */
  @Test
  void randomViewsAreReadRight() {
    SplittableRandom random = new SplittableRandom(11);
    TorchFile file = new TorchFile(4);
    String key = file.storage(numbers(DType.I32, 60));
    double[][] expected = new double[200][];
    for (int i = 0; i < expected.length; i++) {
      long[] sizes = {1 + random.nextInt(3), 1 + random.nextInt(3), 1 + random.nextInt(4)};
      long[] strides = {random.nextInt(8), random.nextInt(8), random.nextInt(8)};
      long offset = random.nextInt(10);
      expected[i] = new double[(int) (sizes[0] * sizes[1] * sizes[2])];
      int at = 0;
      for (long a = 0; a < sizes[0]; a++) {
        for (long b = 0; b < sizes[1]; b++) {
          for (long c = 0; c < sizes[2]; c++) {
            expected[i][at] = 1 + offset + a * strides[0] + b * strides[1] + c * strides[2];
            at++;
          }
        }
      }
      file.view("view" + i, DType.I32, key, 60, offset, sizes, strides);
    }
    try (PytorchSource source = open(file)) {
      for (int i = 0; i < expected.length; i++) {
        assertHas(source, "view" + i, expected[i]);
      }
    }
  }

  @Test
  void viewsThatReachOutOfTheirStorageAreRefused() {
    refusesView(24, 20, new long[] {5}, new long[] {1}, "reaches beyond the end of the storage");
    refusesView(24, 0, new long[] {2, 12}, new long[] {13, 1}, "reaches beyond");
    refusesView(24, -1, new long[] {2}, new long[] {1}, "offset -1");
    refusesView(24, 0, new long[] {-2}, new long[] {1}, "none may be negative");
    refusesView(24, 4, new long[] {2}, new long[] {-1}, "none may be negative");
    refusesView(24, 0, new long[] {1L << 40, 1L << 40}, new long[] {1, 1}, "more than 2^63");
    refusesView(24, 0, new long[] {4}, new long[] {Long.MAX_VALUE}, "more than 2^63");
    refusesView(24, 0, new long[] {1L << 33}, new long[] {0}, "save it with .contiguous()");
    refusesView(-1, 0, new long[] {0}, new long[] {1}, "a storage of -1 elements");
    refusesView(24, 0, new long[] {2, 2}, new long[] {1}, "there must be as many");
    refusesView(
        24, 0, new long[] {1, 1, 1, 1, 1, 1, 1, 1, 1}, new long[9], "not a tuple of at most 8");
  }

  private void refusesView(long elements, long offset, long[] sizes, long[] strides, String text) {
    TorchFile file = new TorchFile(2);
    String key = file.storage(numbers(DType.F32, 24));
    file.view("x", DType.F32, key, elements, offset, sizes, strides);
    refuses(FormatException.class, () -> open(file), text);
  }

  /** What a pickle claims of a storage is compared with the archive before memory is taken. */
  @Test
  void aStorageThatIsNotThereOrNotAsLongIsRefused() {
    for (long elements : new long[] {25, 1L << 40, Long.MAX_VALUE}) {
      TorchFile file = new TorchFile(2);
      String key = file.storage(numbers(DType.F32, 24));
      file.view("x", DType.F32, key, elements, 0, new long[] {elements}, new long[] {1});
      try (PytorchSource source = open(file)) {
        refuses(FormatException.class, () -> source.read("x"), "of 96 bytes; its storage has");
      }
    }
    TorchFile file = new TorchFile(2);
    file.view("x", DType.F32, "../../etc", 24, 0, new long[] {24}, new long[] {1});
    try (PytorchSource source = open(file)) {
      assertEquals(Set.of("x"), source.names());
      refuses(FormatException.class, () -> source.read("x"), "has no entry data/../../etc");
    }
  }
}
