package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes files as Python's torch.save does: the pickle with its memo, in protocol 2 or 4, the
 * entries stored in a zip. Written from the format of Python's pickle module, and not with the
 * product's own writer.
 */
final class TorchFile {
  final ByteArrayOutputStream pickle = new ByteArrayOutputStream();
  final Map<String, byte[]> entries = new LinkedHashMap<>();
  private final int protocol;
  private int memo;
  private int keys;
  private boolean finished;

  /** Begins an OrderedDict. */
  TorchFile(int protocol) {
    this.protocol = protocol;
    op(0x80, protocol);
    emptyOrderedDict();
    op('(');
  }

  private TorchFile(byte[] wholePickle) {
    this.protocol = 2;
    pickle.writeBytes(wholePickle);
    finished = true;
  }

  /** A file with this pickle. */
  static TorchFile ofPickle(byte[] wholePickle) {
    return new TorchFile(wholePickle);
  }

  /** Adds a contiguous tensor with a storage of its own. */
  void add(String name, TestTensor tensor) {
    String key = storage(tensor);
    text(name);
    reference(
        tensor.dtype(), key, tensor.values().length, 0, tensor.shape(), contiguous(tensor.shape()));
  }

  /** Adds a view of a storage. */
  void view(
      String name,
      DType dtype,
      String key,
      long elements,
      long offset,
      long[] sizes,
      long[] strides) {
    text(name);
    reference(dtype, key, elements, offset, sizes, strides);
  }

  /** Adds a tensor wrapped as torch.nn.Parameter is. */
  void parameter(String name, TestTensor tensor) {
    String key = storage(tensor);
    text(name);
    global("torch._utils", "_rebuild_parameter");
    op('(');
    reference(
        tensor.dtype(), key, tensor.values().length, 0, tensor.shape(), contiguous(tensor.shape()));
    op(0x88);
    emptyOrderedDict();
    op('t', 'R');
  }

  /** Adds the numbers of a tensor as a storage; returns its key. */
  String storage(TestTensor tensor) {
    String key = Integer.toString(keys);
    keys++;
    try (HostTensor host = tensor.host()) {
      entries.put("archive/data/" + key, host.segment().toArray(ValueLayout.JAVA_BYTE));
    }
    return key;
  }

  /** Ends the dict and sets its _metadata, as every state dict of a module has. */
  void finish() {
    op('u', '}');
    text("_metadata");
    emptyOrderedDict();
    op('s', 'b', '.');
    finished = true;
  }

  void write(Path path) {
    if (!finished) {
      finish();
    }
    Map<String, byte[]> all = new LinkedHashMap<>();
    all.put("archive/data.pkl", pickle.toByteArray());
    all.put("archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
    all.putAll(entries);
    all.put("archive/version", "3\n".getBytes(StandardCharsets.US_ASCII));
    zip(path, all, ZipEntry.STORED);
  }

  static void zip(Path path, Map<String, byte[]> entries, int method) {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
      for (Map.Entry<String, byte[]> content : entries.entrySet()) {
        ZipEntry entry = new ZipEntry(content.getKey());
        entry.setMethod(method);
        CRC32 sum = new CRC32();
        sum.update(content.getValue());
        entry.setSize(content.getValue().length);
        entry.setCrc(sum.getValue());
        zip.putNextEntry(entry);
        zip.write(content.getValue());
        zip.closeEntry();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void reference(
      DType dtype, String key, long elements, long offset, long[] sizes, long[] strides) {
    global("torch._utils", "_rebuild_tensor_v2");
    op('(', '(');
    text("storage");
    global("torch", className(dtype));
    text(key);
    text("cpu");
    integer(elements);
    op('t', 'Q');
    integer(offset);
    tuple(sizes);
    tuple(strides);
    op(0x89);
    emptyOrderedDict();
    op('t', 'R');
    put();
  }

  static String className(DType dtype) {
    return switch (dtype) {
      case F32 -> "FloatStorage";
      case F16 -> "HalfStorage";
      case BF16 -> "BFloat16Storage";
      case I32 -> "IntStorage";
      case I64 -> "LongStorage";
      case U8 -> "ByteStorage";
    };
  }

  void tuple(long... values) {
    if (values.length > 3) {
      op('(');
    }
    for (long value : values) {
      integer(value);
    }
    switch (values.length) {
      case 0 -> op(')');
      case 1 -> op(0x85);
      case 2 -> op(0x86);
      case 3 -> op(0x87);
      default -> op('t');
    }
  }

  void emptyOrderedDict() {
    global("collections", "OrderedDict");
    op(')', 'R');
    put();
  }

  void global(String module, String name) {
    if (protocol >= 4) {
      text(module);
      text(name);
      op(0x93);
    } else {
      op('c');
      pickle.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }
    put();
  }

  void text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (protocol >= 4 && bytes.length < 256) {
      op(0x8c, bytes.length);
    } else {
      op('X', bytes.length, bytes.length >> 8, bytes.length >> 16, bytes.length >> 24);
    }
    pickle.writeBytes(bytes);
    put();
  }

  void integer(long value) {
    if (value >= 0 && value < 256) {
      op('K', (int) value);
    } else if (value >= 0 && value < 65536) {
      op('M', (int) value, (int) value >> 8);
    } else if (value == (int) value) {
      op('J', (int) value, (int) value >> 8, (int) value >> 16, (int) value >> 24);
    } else {
      op(0x8a, 8);
      for (int i = 0; i < 8; i++) {
        op((int) (value >>> (8 * i)));
      }
    }
  }

  private void put() {
    if (protocol >= 4) {
      op(0x94);
    } else if (memo < 256) {
      op('q', memo);
    } else {
      op('r', memo, memo >> 8, memo >> 16, memo >> 24);
    }
    memo++;
  }

  void op(int... bytes) {
    for (int b : bytes) {
      pickle.write(b & 0xff);
    }
  }

  static long[] contiguous(long[] shape) {
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= shape[i];
    }
    return strides;
  }
}
