package dev.gavel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
  private static final String ONE =
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";

  @TempDir private Path directory;

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    Path file = directory.resolve("out.safetensors");
    try (HostTensor a = HostTensor.of(new float[] {1, -2, 3, 4, 5, 6}, 2, 3);
        HostTensor b = HostTensor.allocate(DType.BF16, 3);
        HostTensor mask = HostTensor.of(new boolean[] {true, false, true});
        HostTensor empty = HostTensor.allocate(DType.I64, 0)) {
      b.setFloats(new float[] {0.5f, -1, 2});
      Map<String, HostTensor> tensors = Map.of("z", a, "b\n\"ü", b, "mask", mask, "empty", empty);
      Safetensors.write(file, Map.of("k", "v", "a", "ß"), tensors);
      byte[] first = Files.readAllBytes(file);
      Safetensors.write(file, new TreeMap<>(Map.of("a", "ß", "k", "v")), new TreeMap<>(tensors));
      assertArrayEquals(first, Files.readAllBytes(file), "the same content gives the same bytes");
      try (Safetensors read = Safetensors.open(file)) {
        assertEquals(Map.of("k", "v", "a", "ß"), read.metadata());
        assertEquals(
            List.of("empty", "z", "b\n\"ü", "mask"),
            read.entries().stream().map(Safetensors.Entry::name).toList());
        for (Safetensors.Entry entry : read.entries()) {
          HostTensor original = tensors.get(entry.name());
          assertEquals(0, entry.begin() % original.dtype().bytes());
          try (HostTensor copy = read.read(entry.name())) {
            assertEquals(original.toString(), copy.toString());
            assertEquals(-1, original.segment().mismatch(copy.segment()));
          }
        }
        assertEquals(8 + headerLength(first) & 7, 0);
      }
    }
    assertEquals(List.of(file), filesIn(directory));
  }

  /** A tensor of a type nobody here can use is listed, and refused by name when it is wanted. */
  @Test
  void foreignTypesAreListedAndRefusedOnUse() throws IOException {
    Path file =
        write(
            "{\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                + "\"new\":{\"dtype\":\"F2_X\",\"shape\":[3],\"data_offsets\":[8,9]},"
                + "\"scalar\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[9,10]},"
                + "\"deep\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1],\"data_offsets\":[10,11]}}",
            11);
    try (Safetensors read = Safetensors.open(file)) {
      assertEquals("F64[1]", read.entry("d").toString());
      refuses(() -> read.read("d"), "'d' is F64[1]; only F32");
      refuses(() -> read.read("new"), "F2_X");
      refuses(() -> read.read("deep"), "more than 4 dimensions");
      refuses(() -> read.read("absent"), "has no tensor 'absent'; it has [d, new, scalar, deep]");
      try (HostTensor scalar = read.read("scalar")) {
        assertEquals("u8[1]", scalar.toString());
      }
      try (HostTensor wrong = HostTensor.allocate(DType.U8, 2)) {
        refuses(() -> read.copyTo("scalar", wrong), "'scalar' is U8[]; it must be u8[2]");
      }
    }
  }

  @Test
  void mappedBytesAreReadOnlyAndEndWithTheFile() throws IOException {
    Safetensors read = Safetensors.open(write(ONE, 8));
    MemorySegment bytes = read.segment("a");
    assertEquals(8, bytes.byteSize());
    assertTrue(bytes.isReadOnly() && bytes.isMapped());
    read.close();
    read.close();
    assertThrows(IllegalStateException.class, () -> bytes.get(ValueLayout.JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, () -> read.read("a"));
  }

  /** Another process shortens the file under the mapping: an exception, not the end of the JVM. */
  @Test
  void aFileShortenedWhileOpenIsAnException() throws IOException {
    int length = 1 << 20;
    Path file =
        write(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}}"
                .formatted(length, length),
            length);
    try (Safetensors read = Safetensors.open(file)) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(100);
      }
      FileException failed = assertThrows(FileException.class, () -> read.read("a"));
      assertTrue(failed.getMessage().contains("shortened while it was open"), failed.getMessage());
    }
  }

  @Test
  void everyBrokenRuleIsNamed() throws IOException {
    refusesFile(new byte[0], "0 bytes");
    refusesFile(new byte[7], "7 bytes");
    refusesFile(withLength(-1, "{}", 0), "announces a header of 18446744073709551615 bytes");
    refusesFile(withLength(1, "{}", 0), "announces a header of 1 bytes");
    refusesFile(withLength(100_000_001, "{}", 0), "announces a header of 100000001 bytes");
    refusesFile(withLength(500, "{}", 0), "is cut short");
    refusesJson("[]", "does not begin with '{'");
    refusesJson(" {}", "does not begin with '{'");
    refusesJson("{} x", "cannot be read as JSON");
    refusesJson("{}{}", "text after its JSON object");
    refusesJson("{\"a\":1}", "tensor 'a' is an integer; it must be an object");
    refusesJson("{\"a\":", "cannot be read as JSON");
    refusesJson("{\"a\":{}}", "must have dtype, shape and data_offsets");
    refusesJson("{\"__metadata__\":{\"a\":1}}", "__metadata__.a is an integer; it must be a text");
    refusesJson("{\"__metadata__\":[]}", "__metadata__ is an array; it must be an object");
    refusesJson("{\"__metadata__\":{},\"__metadata__\":{}}", "Duplicate");
    refusesJson("{" + ONE.substring(1, ONE.length() - 1) + "," + ONE.substring(1), "Duplicate");
    refusesJson(tensor("F32", "[2]", "[0,8]").replace("\"shape\"", "\"dtype\""), "Duplicate");
    refusesJson(tensor("F32", "[2]", "[0,8]").replace("\"shape\"", "\"form\""), "key form");
    refusesJson(tensor("F32", "{}", "[0,8]"), "shape of tensor 'a' is an object");
    refusesJson(tensor("F32", "[2.0]", "[0,8]"), "a number that is no integer");
    refusesJson(tensor("F32", "[[2]]", "[0,8]"), "cannot be read as JSON");
    refusesJson(tensor("F32", "[99999999999999999999]", "[0,8]"), "out of range");
    refusesJson(tensor("F32", "[2]", "[0]"), "they must be begin and end");
    refusesJson(tensor("F32", "[2]", "[0,8,9]"), "they must be begin and end");
    refusesJson(tensor("F32", "[2]", "[-8,0]"), "must not be negative or fall");
    refusesJson(tensor("F32", "[2]", "[8,0]"), "must not be negative or fall");
    refusesJson(tensor("F32", "[2]", "[0,9]"), "cut short or damaged");
    refusesJson(tensor("F32", "[2]", "[0,9223372036854775807]"), "cut short or damaged");
    refusesJson(tensor("F32", "[3]", "[0,8]"), "F32[3], which has 96 bits, but has 8 bytes");
    refusesJson(tensor("F32", "[-2]", "[0,8]"), "lengths must not be negative");
    refusesJson(tensor("F32", "[1152921504606846976,16]", "[0,8]"), "more than 2^63 bits");
    refusesJson(tensor("F32", "[1152921504606846976]", "[0,8]"), "more than 2^63 bits");
    refusesJson(tensor("F4", "[15]", "[0,8]"), "60 bits");
    refusesJson("{\"a\\ud800\":{}}", "half a surrogate pair");
    refusesJson("{\"__metadata__\":{\"a\":\"\\udc00\"}}", "half a surrogate pair");

    refusesJson("{\"a\":" + "[".repeat(100_000), "an array; it must be an object");
    refusesJson("{\"a\":" + "9".repeat(5000) + "}", "cannot be read as JSON");
    byte[] notUtf8 = "{\"\u00e9\":1}".getBytes(StandardCharsets.ISO_8859_1);
    refusesFile(withLength(notUtf8.length, notUtf8, 8), "cannot be read as JSON");
    byte[] utf16 = "{\"a\":1}".getBytes(StandardCharsets.UTF_16LE);
    refusesFile(withLength(utf16.length, utf16, 8), "cannot be read as JSON");
  }

  @Test
  void rangesMustTileTheData() throws IOException {
    String two =
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[%d,%d]},"
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[%d,%d]}}";
    Safetensors.open(write(two.formatted(4, 8, 0, 4), 8)).close();
    refusesFile(file(two.formatted(0, 4, 3, 7), 8), "neither overlap nor leave holes");
    refusesFile(file(two.formatted(0, 4, 0, 4), 8), "neither overlap nor leave holes");
    refusesFile(file(two.formatted(0, 4, 5, 9), 9), "it must begin at 4");
    refusesFile(file(two.formatted(1, 5, 5, 9), 9), "it must begin at 0");
    refusesFile(file(two.formatted(0, 4, 4, 8), 9), "its tensors cover 8");
    refusesFile(file(two.formatted(0, 4, 4, 8), 7), "cut short or damaged");
    refusesFile(file("{}", 1), "its tensors cover 0");
  }

  /**
   * One flipped byte anywhere gives the same tensor, other content, or a FormatException; never
   * anything else.
   */
  @Property
  void anyDamagedByteIsHandled(@ForAll @IntRange(max = 400) int at, @ForAll byte value)
      throws IOException {
    Path folder = Files.createTempDirectory("gavel-damage");
    Path path = folder.resolve("a.safetensors");
    byte[] bytes =
        file(
            "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
            16);
    bytes[at % bytes.length] = value;
    Files.write(path, bytes);
    try (Safetensors read = Safetensors.open(path)) {
      for (Safetensors.Entry entry : read.entries()) {
        assertTrue(entry.begin() >= 8 && entry.end() <= bytes.length);
        assertEquals(entry.end() - entry.begin(), read.segment(entry.name()).byteSize());
      }
    } catch (FormatException refused) {
      assertEquals(path, refused.file());
    } finally {
      Files.delete(path);
      Files.delete(folder);
    }
  }

  @Test
  void aFileCutAnywhereIsRefused() throws IOException {
    byte[] whole = file(ONE, 8);
    for (int length = 0; length < whole.length; length++) {
      refusesFile(Arrays.copyOf(whole, length), "");
    }
  }

  @Test
  void aMissingFileIsNotAFormatError() {
    FileException failed =
        assertThrows(FileException.class, () -> Safetensors.open(directory.resolve("absent")));
    assertFalse(failed instanceof FormatException);
    assertEquals(directory.resolve("absent"), failed.file());
  }

  @Test
  void namesThatCannotBeWrittenAreRefused() throws IOException {
    Path file = directory.resolve("x");
    try (HostTensor tensor = HostTensor.allocate(DType.F32, 1)) {
      assertThrows(
          InvalidArgumentException.class,
          () -> Safetensors.write(file, Map.of(), Map.of("__metadata__", tensor)));
      assertThrows(
          InvalidArgumentException.class,
          () -> Safetensors.write(file, Map.of(), Map.of("\ud800", tensor)));
      assertThrows(
          InvalidArgumentException.class,
          () -> Safetensors.write(file, Map.of("k", "\udfff"), Map.of()));
    }
    assertEquals(List.of(), filesIn(directory));
  }

  private void refusesJson(String json, String expected) throws IOException {
    refusesFile(file(json, 8), expected);
  }

  private void refusesFile(byte[] bytes, String expected) throws IOException {
    Path path = Files.write(directory.resolve("hostile"), bytes);
    refuses(() -> Safetensors.open(path).close(), expected);
    Files.delete(path);
  }

  private static void refuses(Runnable call, String expected) {
    FormatException refused = assertThrows(FormatException.class, call::run);
    assertTrue(refused.getMessage().contains(expected), refused.getMessage());
    assertEquals("GAVEL_INVALID_ARGUMENT", refused.statusName());
  }

  private Path write(String json, int data) throws IOException {
    return Files.write(directory.resolve("in.safetensors"), file(json, data));
  }

  private static String tensor(String dtype, String shape, String offsets) {
    return "{\"a\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}"
        .formatted(dtype, shape, offsets);
  }

  private static byte[] file(String json, int data) {
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    return withLength(header.length, header, data);
  }

  private static byte[] withLength(long length, String json, int data) {
    return withLength(length, json.getBytes(StandardCharsets.UTF_8), data);
  }

  private static byte[] withLength(long length, byte[] header, int data) {
    ByteBuffer buffer =
        ByteBuffer.allocate(8 + header.length + data).order(ByteOrder.LITTLE_ENDIAN);
    return buffer.putLong(length).put(header).array();
  }

  private static long headerLength(byte[] file) {
    return ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  private static List<Path> filesIn(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }
}
