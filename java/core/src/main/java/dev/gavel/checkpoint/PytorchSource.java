package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A state dict that {@code torch.save} wrote, in the archive form it has had since PyTorch 1.6. The
 * pickle of names and shapes is read at once, the numbers of a tensor when it is asked for.
 */
final class PytorchSource implements TensorSource {
  // A pickle of a hundred thousand tensors has some fifteen million bytes.
  private static final int MOST_PICKLE_BYTES = 1 << 25;

  private final PytorchArchive archive;
  private final Map<String, PytorchTensor> tensors;

  PytorchSource(Path path) {
    this.archive = PytorchArchive.open(path);
    try {
      requireLittleEndian();
      byte[] pickle = archive.read("data.pkl", MOST_PICKLE_BYTES);
      this.tensors = stateDict(path, RestrictedUnpickler.read(path, pickle));
    } catch (RuntimeException e) {
      archive.close();
      throw e;
    }
  }

  // Files of PyTorch before 2.1 do not say; they were written on little-endian machines or never
  // worked on another.
  private void requireLittleEndian() {
    if (archive.has("byteorder")) {
      String order = new String(archive.read("byteorder", 16), StandardCharsets.US_ASCII);
      if (!order.equals("little")) {
        throw new FormatException(
            archive.path(),
            "has byte order '%s'; only little is read: %s"
                .formatted(order, PickledObjects.CONVERT));
      }
    }
  }

  private static Map<String, PytorchTensor> stateDict(Path path, @Nullable Object root) {
    if (!(root instanceof Map<?, ?> dict)) {
      throw new FormatException(
          path, "holds no dict of tensors; save model.state_dict() and nothing around it");
    }
    Map<String, PytorchTensor> tensors = new LinkedHashMap<>();
    dict.forEach((key, value) -> {
      if (!(key instanceof String name) || !(value instanceof PytorchTensor tensor)) {
        throw new FormatException(
            path,
            "has '%s', which is no tensor; save model.state_dict() and nothing around it"
                .formatted(key));
      }
      tensors.put(name, tensor);
    });
    return tensors;
  }

  @Override
  public Set<String> names() {
    return tensors.keySet();
  }

  @Override
  public Path fileOf(String name) {
    return archive.path();
  }

  @Override
  public TensorInfo describe(String name) {
    return tensor(name).info();
  }

  @Override
  public HostTensor read(String name) {
    PytorchTensor tensor = tensor(name);
    long[] shape =
        tensor.sizes().isEmpty()
            ? new long[] {1}
            : tensor.sizes().stream().mapToLong(Long::longValue).toArray();
    return read(name, tensor, shape);
  }

  @Override
  public HostTensor readRow(String name, long row) {
    PytorchTensor tensor = tensor(name);
    long[] shape = RowShape.of(archive.path(), name, tensor.info(), row);
    return read(name, tensor.row(row), shape);
  }

  private PytorchTensor tensor(String name) {
    PytorchTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new FormatException(archive.path(), "has no tensor '%s'".formatted(name));
    }
    return tensor;
  }

  private HostTensor read(String name, PytorchTensor tensor, long[] shape) {
    DType dtype = TensorTypes.usable(archive.path(), name, tensor.info());
    if (shape.length > 4) {
      throw new FormatException(
          archive.path(),
          "tensor '%s' is %s; tensors of more than 4 dimensions cannot be used"
              .formatted(name, tensor.info()));
    }
    // Before anything is allocated: a pickle can claim a storage of any size.
    archive.requireLength(entry(tensor), storageBytes(tensor));
    HostTensor values = HostTensor.allocate(dtype, shape);
    try {
      if (tensor.isContiguous()) {
        readStorage(tensor, values.segment());
      } else {
        try (HostTensor span = HostTensor.allocate(dtype, tensor.span())) {
          readStorage(tensor, span.segment());
          gather(tensor, dtype.bytes(), span.segment(), values.segment());
        }
      }
      return values;
    } catch (IOException e) {
      values.close();
      throw new FileException(
          archive.path(), "tensor '%s' cannot be read: %s".formatted(name, e), e);
    } catch (RuntimeException e) {
      values.close();
      throw e;
    }
  }

  /** Fills memory from the tensor's first element on. */
  private void readStorage(PytorchTensor tensor, MemorySegment into) throws IOException {
    archive.read(entry(tensor), tensor.offset() * tensor.storage().type().bytes(), into);
  }

  private static String entry(PytorchTensor tensor) {
    return "data/" + tensor.storage().key();
  }

  private static long storageBytes(PytorchTensor tensor) {
    PytorchStorage storage = tensor.storage();
    int bytes = storage.type().bytes();
    return storage.elements() > Long.MAX_VALUE / bytes
        ? Long.MAX_VALUE
        : storage.elements() * bytes;
  }

  private static void gather(
      PytorchTensor tensor, int bytes, MemorySegment span, MemorySegment into) {
    int rank = tensor.sizes().size();
    long[] at = new long[rank];
    for (long i = 0; i < tensor.elements(); i++) {
      long from = 0;
      for (int d = 0; d < rank; d++) {
        from += at[d] * tensor.strides().get(d);
      }
      MemorySegment.copy(span, from * bytes, into, i * bytes, bytes);
      for (int d = rank - 1; d >= 0; d--) {
        at[d]++;
        if (at[d] < tensor.sizes().get(d)) {
          break;
        }
        at[d] = 0;
      }
    }
  }

  @Override
  public void close() {
    archive.close();
  }
}
