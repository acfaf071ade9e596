package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Several sources as one, such as a backbone's files and a side file with the head. */
final class JoinedSource implements TensorSource {
  private final Path folder;
  private final List<TensorSource> parts;
  private final Map<String, TensorSource> byName = new LinkedHashMap<>();

  /**
   * Joins them; closing this closes all.
   *
   * @throws FormatException if two have a tensor of the same name
   */
  JoinedSource(Path folder, List<TensorSource> parts) {
    this.folder = folder;
    this.parts = List.copyOf(parts);
    for (TensorSource part : parts) {
      for (String name : part.names()) {
        TensorSource other = byName.put(name, part);
        if (other != null) {
          throw new FormatException(
              folder,
              "has tensor '%s' in %s and in %s; which one counts cannot be told"
                  .formatted(
                      name, other.fileOf(name).getFileName(), part.fileOf(name).getFileName()));
        }
      }
    }
  }

  @Override
  public Set<String> names() {
    return byName.keySet();
  }

  @Override
  public Path fileOf(String name) {
    return part(name).fileOf(name);
  }

  @Override
  public List<Path> filesOf(String name) {
    return part(name).filesOf(name);
  }

  @Override
  public TensorInfo describe(String name) {
    return part(name).describe(name);
  }

  @Override
  public HostTensor read(String name) {
    return part(name).read(name);
  }

  @Override
  public HostTensor readRow(String name, long row) {
    return part(name).readRow(name, row);
  }

  private TensorSource part(String name) {
    TensorSource part = byName.get(name);
    if (part == null) {
      throw new FormatException(folder, "has no tensor '%s'".formatted(name));
    }
    return part;
  }

  @Override
  public void close() {
    parts.forEach(TensorSource::close);
  }
}
