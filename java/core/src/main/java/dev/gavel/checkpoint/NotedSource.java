package dev.gavel.checkpoint;

import dev.gavel.HostTensor;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A source that notes the files of the tensors that are asked for: of all the files of a folder,
 * those its head is made of. Closing it leaves the source open.
 */
final class NotedSource implements TensorSource {
  private final TensorSource source;
  private final Consumer<Path> note;

  NotedSource(TensorSource source, Consumer<Path> note) {
    this.source = source;
    this.note = note;
  }

  @Override
  public Set<String> names() {
    return source.names();
  }

  @Override
  public Path fileOf(String name) {
    return source.fileOf(name);
  }

  @Override
  public TensorInfo describe(String name) {
    source.filesOf(name).forEach(note);
    return source.describe(name);
  }

  @Override
  public HostTensor read(String name) {
    source.filesOf(name).forEach(note);
    return source.read(name);
  }

  @Override
  public HostTensor readRow(String name, long row) {
    source.filesOf(name).forEach(note);
    return source.readRow(name, row);
  }

  @Override
  public void close() {}
}
