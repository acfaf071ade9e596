package dev.gavel.cli.training.data;

import dev.gavel.GavelException;
import dev.gavel.cli.metric.GroupFacts;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/**
 * Pooled vectors of the responses of one row, in the row's own order: in memory, or in the mapped
 * file of a cache. Immutable by agreement.
 */
public final class VectorGroup {
  private final long line;
  private final GroupFacts facts;
  private final MemorySegment vectors;

  /**
   * A group.
   *
   * @param line of its row in the file it is from, from 1
   * @param vectors f32 [R, D] in row-major order; only read
   */
  public VectorGroup(long line, GroupFacts facts, MemorySegment vectors) {
    this.line = line;
    this.facts = facts;
    this.vectors = vectors;
  }

  /** Where its row is, for messages. */
  public long line() {
    return line;
  }

  /** What is known of it besides the vectors. */
  public GroupFacts facts() {
    return facts;
  }

  public int responses() {
    return facts.responses();
  }

  public long bytes() {
    return vectors.byteSize();
  }

  /** Copies the vectors to a place in memory. */
  public void copyTo(MemorySegment target, long offset) {
    try {
      MemorySegment.copy(vectors, 0, target, offset, vectors.byteSize());
    } catch (InternalError e) {
      throw new GavelException("a file of the cache was shortened while it was in use", e);
    }
  }

  /** Adds the vectors to a checksum. */
  void update(CRC32C crc) {
    byte[] bytes = new byte[Math.toIntExact(vectors.byteSize())];
    copyTo(MemorySegment.ofArray(bytes), 0);
    crc.update(bytes);
  }
}
