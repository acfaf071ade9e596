package dev.gavel.checkpoint;

import static dev.gavel.checkpoint.Refusals.refuses;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.HostTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.zip.ZipEntry;
import net.razorvine.pickle.Unpickler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pickles and archives made to run code, to take memory, or to go on for ever. */
@Timeout(300)
class HostilePickleTest {
  @TempDir private Path directory;

  private void refused(byte[] pickle, String... texts) {
    Path path = directory.resolve("head.pt");
    TorchFile.ofPickle(pickle).write(path);
    refuses(FormatException.class, () -> new PytorchSource(path).close(), texts);
  }

  private static byte[] pickle(Object... parts) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (Object part : parts) {
      if (part instanceof String text) {
        bytes.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
      } else {
        bytes.write((Integer) part);
      }
    }
    return bytes.toByteArray();
  }

  private static String text(String value) {
    return "X" + (char) value.length() + "\0\0\0" + value;
  }

  /** Objects are never made: not by name, not from the stack, not by the older operations. */
  @Test
  void nothingIsRun() {
    refused(pickle(0x80, 2, "cos\nsystem\n", text("true"), 0x85, "R."), "the global 'os.system'");
    refused(pickle(0x80, 2, "cposix\nsystem\n("), "the global 'posix.system'");
    refused(pickle(0x80, 2, "c__builtin__\neval\n"), "the global '__builtin__.eval'");
    refused(pickle(0x80, 4, text("os"), text("system"), 0x93, "."), "the global 'os.system'");
    refused(pickle(0x80, 4, text("builtins"), text("getattr"), 0x93), "'builtins.getattr'");
    refused(pickle("ctorch\nload\n"), "the global 'torch.load'");
    refused(pickle("ctorch.storage\nUntypedStorage\n"), "'torch.storage.UntypedStorage'");
    refused(pickle("ctorch\nFloatStorage\n)R."), "calls Type");
    refused(pickle("(ios\nsystem\n"), "operation 0x69");
    refused(pickle("(cos\nsystem\no"), "the global 'os.system'");
    refused(pickle("]", 0x81), "operation 0x81");
    refused(pickle("]]]", 0x92), "operation 0x92");
    refused(pickle(0x82, 1), "operation 0x82");
    refused(pickle(0x8f), "operation 0x8f");
    refused(pickle("P1\n"), "operation 0x50");
    refused(pickle("}}b."), "sets attributes of an object");
    refused(pickle("ccollections\nOrderedDict\n)R}", text("__class__"), "Nsb."), "sets attributes");
  }

  /** A constructor that another user of the library registers for the whole JVM stays unreached. */
  @Test
  void theRegistryOfTheLibraryIsNotAsked() {
    AtomicBoolean called = new AtomicBoolean();
    Unpickler.registerConstructor(
        "hostile",
        "Thing",
        arguments -> {
          called.set(true);
          return "made";
        });
    refused(pickle("chostile\nThing\n)R."), "the global 'hostile.Thing'");
    assertFalse(called.get());
  }

  /** A few bytes cannot ask for more memory than they have bytes. */
  @Test
  void lengthsAreCheckedBeforeMemoryIsTaken() {
    refused(pickle("X", 0xff, 0xff, 0xff, 0x7f, "abc"), "announces 2147483647 bytes");
    refused(pickle("X", 0xff, 0xff, 0xff, 0xff, "abc"), "announces 4294967295 bytes");
    refused(
        pickle(0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
        "announces 9223372036854775807 bytes");
    refused(
        pickle(0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
        "announces 18446744073709551615 bytes");
    refused(pickle(0x8a, 255), "announces 255 bytes");
    refused(pickle(0x8b, 0xff, 0xff, 0xff, 0x7f), "operation 0x8b");
    refused(pickle("B", 0xff, 0xff, 0xff, 0x7f), "operation 0x42");
    refused(pickle("X", 1), "ends inside a length");
    refused(pickle("c" + "a".repeat(100_000)), "global name without an end");
  }

  /** Nested and self-containing values, and keys that contain others, end in a refusal. */
  @Test
  void recursionEnds() {
    refused(pickle("]".repeat(500_000) + "a".repeat(499_999) + "."), "no dict of tensors");
    refused(pickle("]q", 0, "h", 0, "a."), "no dict of tensors");
    refused(pickle("}]q", 0, "h", 0, "ah", 0, "s."), "key that is neither a text nor a number");
    refused(pickle("}q", 0, text("a"), "h", 0, "s."), "has 'a', which is no tensor");
    refused(pickle("}(K", 1, "K", 2, "u."), "has '1', which is no tensor");
    refused(pickle(0x8f), "operation 0x8f");
    refused(pickle("N2."), "operation 0x32");
    refused(pickle(")".repeat((1 << 23) + 1)), "more than 8388608 operations");
  }

  @Test
  void damagedPicklesAreRefused() {
    refused(pickle(""), "cannot be read");
    refused(pickle("}"), "cannot be read");
    refused(pickle("."), "cannot be read");
    refused(pickle("u."), "cannot be read");
    refused(pickle("}.x"), "has 1 byte after the end");
    refused(pickle("}a."), "cannot be read");
    refused(pickle("N."), "no dict of tensors");
    refused(pickle("K", 1, "NNs."), "neither a text nor a number");
    refused(pickle("NK", 1, "Ns."), "sets a key of what is no dict");
    refused(pickle("h", 9, "."), "");
    refused(pickle("Q."), "cannot be read");
    refused(pickle("NQ."), "refers to something that is not a storage");
  }

  /** Whatever bytes change, the answer is a refusal by name or the right tensors. */
  @Test
  void randomDamageNeverEscapes() throws IOException {
    TorchFile file = new TorchFile(2);
    file.add("a", TestTensor.of(DType.F32, new long[] {2, 2}, 1, 2, 3, 4));
    file.parameter("b", TestTensor.of(DType.BF16, new long[] {2}, 1, 2));
    Path path = directory.resolve("damaged.pt");
    file.write(path);
    byte[] good = Files.readAllBytes(path);
    SplittableRandom random = new SplittableRandom(3);
    int read = 0;
    for (int round = 0; round < 3000; round++) {
      byte[] bad = good.clone();
      for (int change = 0; change <= random.nextInt(3); change++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      Files.write(path, bad);
      try (PytorchSource source = new PytorchSource(path)) {
        for (String name : source.names()) {
          source.read(name).close();
        }
        read++;
      } catch (GavelException refused) {
        assertFalse(refused.getMessage().isEmpty());
      }
    }
    // Changes of stored numbers, of times and the like are nobody's business.
    assertFalse(read == 0 || read == 3000, "read " + read);
  }

  /** A file of the tensor {@code weight}: 1, 2, 3. */
  private Path threeNumbers() throws IOException {
    TorchFile file = new TorchFile(2);
    file.add("weight", TestTensor.of(DType.F32, new long[] {3}, 1, 2, 3));
    Path path = directory.resolve("three.pt");
    file.write(path);
    return path;
  }

  /** Numbers, of which nothing else could tell; and the pickle, in a place that reads as well. */
  @Test
  void anEntryThatIsNotWhatItsChecksumSaysIsRefused() throws IOException {
    Path path = threeNumbers();
    byte[] good = Files.readAllBytes(path);
    String text = new String(good, java.nio.charset.StandardCharsets.ISO_8859_1);
    byte[] number = good.clone();
    // 2 as an f32, little endian.
    number[text.indexOf("\0\0\0@") + 3] = 'A';
    Files.write(path, number);
    try (PytorchSource source = new PytorchSource(path)) {
      refuses(FormatException.class, () -> source.read("weight"), "is damaged: its CRC-32 is");
    }
    byte[] name = good.clone();
    name[text.indexOf("weight")] = 'v';
    Files.write(path, name);
    refuses(
        FormatException.class,
        () -> new PytorchSource(path).close(),
        "data.pkl is damaged: its CRC-32 is");
  }

  /** {@code torch.utils.serialization.config.save.compute_crc32 = False} writes 0 for each. */
  @Test
  void anArchiveSavedWithoutChecksumsIsRead() throws IOException {
    Path path = threeNumbers();
    byte[] content = Files.readAllBytes(path);
    int headers = 0;
    for (int at = 0; at + 20 <= content.length; at++) {
      boolean local = Arrays.equals(content, at, at + 4, new byte[] {'P', 'K', 3, 4}, 0, 4);
      boolean central = Arrays.equals(content, at, at + 4, new byte[] {'P', 'K', 1, 2}, 0, 4);
      if (local || central) {
        int crc = at + (local ? 14 : 16);
        Arrays.fill(content, crc, crc + 4, (byte) 0);
        headers++;
      }
    }
    assertTrue(headers > 2, headers + " headers");
    Files.write(path, content);
    try (PytorchSource source = new PytorchSource(path);
        HostTensor weight = source.read("weight")) {
      assertEquals(2f, weight.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 1));
    }
  }

  @Test
  void archivesThatAreNone() throws IOException {
    Path path = directory.resolve("head.pt");
    Files.write(path, pickle(0x80, 2, 0x8a, 10, "l\u00fc\u009cF\u00f9 j\u00a8P\u0019."));
    refuses(
        FormatException.class,
        () -> new PytorchSource(path).close(),
        "is a bare pickle, the form of torch.save before PyTorch 1.6",
        "safetensors.torch.save_file");
    Files.write(path, new byte[600]);
    refuses(
        FormatException.class, () -> new PytorchSource(path).close(), "is no file of torch.save");
    Files.write(path, new byte[0]);
    refuses(
        FormatException.class, () -> new PytorchSource(path).close(), "is no file of torch.save");
    TorchFile file = new TorchFile(2);
    file.add("a", TestTensor.of(DType.F32, new long[] {1}, 1));
    file.write(path);
    byte[] good = Files.readAllBytes(path);
    for (int length = 5; length < good.length; length += 7) {
      Files.write(path, Arrays.copyOf(good, length));
      refuses(FormatException.class, () -> new PytorchSource(path).close(), "cut short or damaged");
    }
  }

  @Test
  void archivesOfAnotherKind() {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("a/data.pkl", pickle("}."));
    refusesArchive(entries, ZipEntry.DEFLATED, "compressed");
    entries.put("a/byteorder", pickle("big"));
    refusesArchive(entries, ZipEntry.STORED, "byte order 'big'", "safetensors.torch.save_file");
    entries.put("a/constants.pkl", pickle("."));
    refusesArchive(entries, ZipEntry.STORED, "is a TorchScript archive");
    entries.put("b/data.pkl", pickle("}."));
    refusesArchive(entries, ZipEntry.STORED, "has the pickles");
    refusesArchive(Map.of("x", new byte[1]), ZipEntry.STORED, "has the pickles []");
    refusesArchive(
        Map.of("a/data.pkl", new byte[(1 << 25) + 1]), ZipEntry.STORED, "it may have 33554432");
  }

  private void refusesArchive(Map<String, byte[]> entries, int method, String... texts) {
    Path path = directory.resolve("other.pt");
    TorchFile.zip(path, entries, method);
    refuses(FormatException.class, () -> new PytorchSource(path).close(), texts);
  }

  /** Two entries of one name: other readers take the first or the last, so neither is right. */
  @Test
  void anEntryThatComesTwiceIsRefused() throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("a/data.pkl", pickle("}."));
    entries.put("a/data.pkm", pickle("}."));
    Path path = directory.resolve("twice.pt");
    TorchFile.zip(path, entries, ZipEntry.STORED);
    String bytes = Files.readString(path, StandardCharsets.ISO_8859_1);
    Files.writeString(path, bytes.replace("a/data.pkm", "a/data.pkl"), StandardCharsets.ISO_8859_1);
    refuses(FormatException.class, () -> new PytorchSource(path).close(), "'a/data.pkl' twice");
    assertEquals(2, bytes.split("a/data.pkm", -1).length - 1);
  }
}
