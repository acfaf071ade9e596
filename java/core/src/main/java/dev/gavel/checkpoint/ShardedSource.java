package dev.gavel.checkpoint;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The shards an index file names. A shard is opened when a tensor of it is asked for, so of a model
 * in many files only those with the head are touched.
 *
 * <p>An opened shard must hold exactly the tensors the index says it holds: one that the index does
 * not know could be a head that nobody would see.
 */
final class ShardedSource implements TensorSource {
  // A mixture of experts has a hundred thousand tensors, at a hundred bytes each.
  private static final int MOST_INDEX_BYTES = 1 << 26;

  private final Path index;
  private final Map<String, String> shardByName;
  private final Function<Path, TensorSource> opener;
  private final Map<String, TensorSource> open = new LinkedHashMap<>();

  /**
   * Reads the index.
   *
   * @param opener opens one shard
   */
  ShardedSource(Path index, Function<Path, TensorSource> opener) {
    this.index = index;
    this.opener = opener;
    ModelJson json = ModelJson.read(index, MOST_INDEX_BYTES);
    this.shardByName =
        json.require("weight_map", json.object("weight_map"), "an object of file names by tensor")
            .textByKey();
  }

  @Override
  public Set<String> names() {
    return shardByName.keySet();
  }

  @Override
  public Path fileOf(String name) {
    String shard = shardByName.get(name);
    if (shard == null) {
      throw new FormatException(index, "has no tensor '%s'".formatted(name));
    }
    Path file = CheckpointFiles.inside(index, shard);
    if (!Files.exists(file)) {
      throw new FileException(
          index,
          "says that tensor '%s' is in %s, which is not in the folder; fetch that shard"
              .formatted(name, shard),
          new NoSuchFileException(file.toString()));
    }
    return file;
  }

  @Override
  public List<Path> filesOf(String name) {
    return List.of(index, fileOf(name));
  }

  @Override
  public TensorInfo describe(String name) {
    return shard(name).describe(name);
  }

  @Override
  public HostTensor read(String name) {
    return shard(name).read(name);
  }

  @Override
  public HostTensor readRow(String name, long row) {
    return shard(name).readRow(name, row);
  }

  private TensorSource shard(String name) {
    Path file = fileOf(name);
    String shard = shardByName.get(name);
    TensorSource known = open.get(shard);
    if (known != null) {
      return known;
    }
    TensorSource source = opener.apply(file);
    open.put(shard, source);
    for (String held : source.names()) {
      if (!shard.equals(shardByName.get(held))) {
        throw new FormatException(
            file,
            "holds tensor '%s', which %s does not say; index and shards do not belong together"
                .formatted(held, index.getFileName()));
      }
    }
    return source;
  }

  @Override
  public void close() {
    open.values().forEach(TensorSource::close);
  }
}
