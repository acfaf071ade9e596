package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.FileException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.message.SystemReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.UUID;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import net.razorvine.pickle.Opcodes;

/**
 * Writes a small state dict in the archive form of {@code torch.save}, protocol 2: what {@code
 * torch.load} reads with {@code weights_only}.
 */
final class PytorchWriter {
  private static final String ROOT = "archive/";

  private PytorchWriter() {}

  /** Writes a file at once or not at all. The same tensors give the same bytes. */
  static void write(Path path, Map<String, HostTensor> tensors) {
    Path temporary =
        path.resolveSibling(".%s.%s.tmp".formatted(path.getFileName(), UUID.randomUUID()));
    try {
      try {
        try (OutputStream out = Files.newOutputStream(temporary);
            ZipOutputStream zip = new ZipOutputStream(out)) {
          entry(zip, "data.pkl", pickle(tensors));
          entry(zip, "byteorder", ascii("little"));
          int key = 0;
          for (HostTensor tensor : tensors.values()) {
            entry(zip, "data/" + key, tensor.segment().toArray(ValueLayout.JAVA_BYTE));
            key++;
          }
          entry(zip, "version", ascii("3\n"));
        }
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      throw new FileException(
          path,
          "cannot be written: %s. Free space or choose another place"
              .formatted(SystemReason.writing(e)),
          e);
    }
  }

  private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 sum = new CRC32();
    sum.update(content);
    ZipEntry entry = new ZipEntry(ROOT + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(sum.getValue());
    // Zip has no times before 1980; a fixed one keeps the bytes the same.
    entry.setLastModifiedTime(FileTime.fromMillis(315_619_200_000L));
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  private static byte[] pickle(Map<String, HostTensor> tensors) {
    Pickle pickle = new Pickle();
    pickle.write(Opcodes.PROTO);
    pickle.write(2);
    // A plain dict: LibTorch's own reader turns an OrderedDict into None.
    pickle.write(Opcodes.EMPTY_DICT);
    pickle.write(Opcodes.MARK);
    int key = 0;
    for (Map.Entry<String, HostTensor> entry : tensors.entrySet()) {
      pickle.text(entry.getKey());
      pickle.tensor(entry.getValue(), key);
      key++;
    }
    pickle.write(Opcodes.SETITEMS);
    pickle.write(Opcodes.STOP);
    return pickle.toByteArray();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static final class Pickle extends ByteArrayOutputStream {

    void global(String module, String name) {
      write(Opcodes.GLOBAL);
      writeBytes(ascii(module + "\n" + name + "\n"));
    }

    void text(String text) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      write(Opcodes.BINUNICODE);
      little(bytes.length, Integer.BYTES);
      writeBytes(bytes);
    }

    void integer(long value) {
      write(Opcodes.LONG1);
      write(Long.BYTES);
      little(value, Long.BYTES);
    }

    void emptyOrderedDict() {
      global("collections", "OrderedDict");
      write(Opcodes.EMPTY_TUPLE);
      write(Opcodes.REDUCE);
    }

    void tensor(HostTensor tensor, int key) {
      global("torch._utils", "_rebuild_tensor_v2");
      write(Opcodes.MARK);
      write(Opcodes.MARK);
      text("storage");
      global("torch", storage(tensor.dtype()));
      text(Integer.toString(key));
      text("cpu");
      integer(tensor.elementCount());
      write(Opcodes.TUPLE);
      write(Opcodes.BINPERSID);
      integer(0);
      long[] shape = tensor.shape();
      long[] strides = new long[shape.length];
      long stride = 1;
      for (int i = shape.length - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape[i];
      }
      tuple(shape);
      tuple(strides);
      write(Opcodes.NEWFALSE);
      emptyOrderedDict();
      write(Opcodes.TUPLE);
      write(Opcodes.REDUCE);
    }

    private void tuple(long[] values) {
      write(Opcodes.MARK);
      for (long value : values) {
        integer(value);
      }
      write(Opcodes.TUPLE);
    }

    private void little(long value, int bytes) {
      for (int i = 0; i < bytes; i++) {
        write((int) (value >>> (8 * i)) & 0xff);
      }
    }

    private static String storage(DType dtype) {
      return switch (dtype) {
        case F32 -> "FloatStorage";
        case F16 -> "HalfStorage";
        case BF16 -> "BFloat16Storage";
        default -> throw new InvalidArgumentException("a parameter is never " + dtype);
      };
    }
  }
}
