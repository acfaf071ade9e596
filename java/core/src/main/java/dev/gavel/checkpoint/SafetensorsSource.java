package dev.gavel.checkpoint;

import dev.gavel.DType;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.Safetensors;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;

/** One safetensors file. */
final class SafetensorsSource implements TensorSource {
  private final Safetensors file;

  SafetensorsSource(Path path) {
    this.file = Safetensors.open(path);
  }

  @Override
  public Set<String> names() {
    return file.entries().stream()
        .map(Safetensors.Entry::name)
        .collect(Collectors.toUnmodifiableSet());
  }

  @Override
  public Path fileOf(String name) {
    return file.path();
  }

  @Override
  public TensorInfo describe(String name) {
    Safetensors.Entry entry = file.entry(name);
    return new TensorInfo(entry.dtype(), entry.shape());
  }

  @Override
  public HostTensor read(String name) {
    return file.read(name);
  }

  @Override
  public HostTensor readRow(String name, long row) {
    Safetensors.Entry entry = file.entry(name);
    DType dtype = TensorTypes.usable(file.path(), name, describe(name));
    long[] shape = RowShape.of(file.path(), name, describe(name), row);
    HostTensor copy = HostTensor.allocate(dtype, shape);
    try {
      MemorySegment target = copy.segment();
      long bytes = target.byteSize();
      target.copyFrom(file.segment(entry.name()).asSlice(row * bytes, bytes));
      return copy;
    } catch (InternalError e) {
      // What Java throws where a mapped file has become shorter.
      copy.close();
      throw new FileException(
          file.path(),
          "tensor '%s' could not be read: the file was shortened while it was open".formatted(name),
          e);
    } catch (FormatException e) {
      copy.close();
      throw e;
    }
  }

  @Override
  public void close() {
    file.close();
  }
}
