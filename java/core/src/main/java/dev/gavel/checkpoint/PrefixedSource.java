package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** The tensors of a file under longer names: of two files of one folder that name theirs alike. */
final class PrefixedSource implements TensorSource {
  private final TensorSource source;
  private final String prefix;

  PrefixedSource(TensorSource source, String prefix) {
    this.source = source;
    this.prefix = prefix;
  }

  @Override
  public Set<String> names() {
    return source.names().stream().map(prefix::concat).collect(Collectors.toSet());
  }

  @Override
  public Path fileOf(String name) {
    return source.fileOf(inner(name));
  }

  @Override
  public List<Path> filesOf(String name) {
    return source.filesOf(inner(name));
  }

  @Override
  public TensorInfo describe(String name) {
    return source.describe(inner(name));
  }

  @Override
  public HostTensor read(String name) {
    return source.read(inner(name));
  }

  @Override
  public HostTensor readRow(String name, long row) {
    return source.readRow(inner(name), row);
  }

  private String inner(String name) {
    if (!name.startsWith(prefix)) {
      throw new FormatException(Path.of(prefix), "has no tensor '%s'".formatted(name));
    }
    return name.substring(prefix.length());
  }

  @Override
  public void close() {
    source.close();
  }
}
