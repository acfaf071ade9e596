package dev.gavel;

import dev.gavel.bindings.UseGuard;
import dev.gavel.message.Counted;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file opened for reading: named tensors and a map of texts. The file is mapped, so
 * opening reads its header only.
 *
 * <p>Everything about the file is checked before anything is used; {@link SafetensorsHeader} lists
 * the rules. Another process may still shorten the file while it is mapped: Java then throws {@link
 * InternalError} from an access, which {@link #read} and {@link #copyTo} turn into {@link
 * FileException}, but native code would end the JVM. So tensors are copied through Java, and {@link
 * HostTensor#wrap} refuses a mapped file. The exception has a name: {@link #view} gives kernels the
 * mapped bytes, for files nobody cuts.
 *
 * <p>Safe for use by several threads at once; {@link #close()} unmaps the file, and segments got
 * from it throw from then on.
 */
public final class Safetensors implements AutoCloseable {
  private final Path path;
  private final Arena arena;
  private final MemorySegment file;
  private final SafetensorsHeader header;
  private final UseGuard guard;
  private final @Nullable Object key;

  private Safetensors(
      Path path, Arena arena, MemorySegment file, SafetensorsHeader header, @Nullable Object key) {
    this.path = path;
    this.arena = arena;
    this.file = file;
    this.header = header;
    this.guard = new UseGuard("safetensors file " + path);
    this.key = key;
  }

  /**
   * Opens a file.
   *
   * @throws FileException if it cannot be read
   * @throws FormatException if it is not a safetensors file, or breaks a rule of the format
   */
  public static Safetensors open(Path path) {
    requireFile(path);
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      SafetensorsHeader header = SafetensorsHeader.read(path, channel);
      MemorySegment file =
          channel.map(FileChannel.MapMode.READ_ONLY, 0, header.fileLength(), arena);
      Object key = Files.readAttributes(path, BasicFileAttributes.class).fileKey();
      return new Safetensors(path, arena, file, header, key);
    } catch (IOException e) {
      arena.close();
      throw new FileException(
          path, "cannot be read as a safetensors file: " + SystemReason.reading(e), e);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  // Opening a pipe would wait for a writer that never comes.
  private static void requireFile(Path path) {
    if (Files.notExists(path)) {
      throw new FileException(path, "is not there", new NoSuchFileException(path.toString()));
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new FormatException(path, "is a folder, a pipe or a device; it must be a file");
    }
  }

  /**
   * Writes a file at once or not at all: to a temporary file beside it, flushed to the disk, then
   * renamed over it. The same tensors and texts give the same bytes.
   *
   * @param metadata texts of the file's {@code __metadata__}
   * @param tensors tensors by name; only read, and kept open meanwhile
   * @throws FileException if it cannot be written, for instance since the disk is full; the old
   *     file, if any, is as it was
   */
  public static void write(
      Path path, Map<String, String> metadata, Map<String, HostTensor> tensors) {
    SafetensorsWriter.write(path, metadata, tensors);
  }

  /**
   * One tensor of a file.
   *
   * @param name its name
   * @param dtype its type as the file has it, for instance {@code BF16}; may be one this library
   *     cannot read
   * @param shape lengths of its dimensions; none for a single number
   * @param begin where it begins, in bytes of the file
   * @param end where it ends
   */
  public record Entry(String name, String dtype, List<Long> shape, long begin, long end) {
    /** Copies the shape. */
    public Entry {
      shape = List.copyOf(shape);
    }

    /** For instance {@code BF16[3,4096]}. */
    @Override
    public String toString() {
      return dtype + shape.toString().replace(" ", "");
    }
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** Texts of the file's {@code __metadata__}, empty where it has none. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /** All tensors, in the order of their bytes. */
  public Collection<Entry> entries() {
    return header.entries().values();
  }

  /** Whether there is a tensor of this name. */
  public boolean has(String name) {
    return header.entries().containsKey(name);
  }

  /**
   * The tensor of this name.
   *
   * @throws FormatException if there is none
   */
  public Entry entry(String name) {
    Entry entry = header.entries().get(name);
    if (entry == null) {
      throw new FormatException(
          path, "has no tensor '%s'; it has %s".formatted(name, header.names()));
    }
    return entry;
  }

  /**
   * Bytes of a tensor in the mapped file, read-only, aligned to nothing. An access throws {@link
   * InternalError} where the file was shortened meanwhile.
   */
  public MemorySegment segment(String name) {
    Entry entry = entry(name);
    return file.asSlice(entry.begin(), entry.end() - entry.begin()).asReadOnly();
  }

  /**
   * A copy of a tensor in memory of its own, which the caller closes. A single number becomes a
   * tensor of shape [1].
   *
   * @throws FormatException if there is none, or it has a type or a shape that tensors here cannot
   *     have
   * @throws FileException if the file was shortened meanwhile
   */
  public HostTensor read(String name) {
    Entry entry = entry(name);
    DType dtype = SafetensorsDtype.readable(path, entry);
    if (entry.shape().size() > Shapes.MOST_DIMENSIONS) {
      throw new FormatException(
          path,
          "tensor '%s' is %s; tensors of more than %d dimensions cannot be used"
              .formatted(name, entry, Shapes.MOST_DIMENSIONS));
    }
    long[] shape =
        entry.shape().isEmpty()
            ? new long[] {1}
            : entry.shape().stream().mapToLong(Long::longValue).toArray();
    HostTensor copy = HostTensor.allocate(dtype, shape);
    try {
      copy(entry, copy);
      return copy;
    } catch (RuntimeException e) {
      copy.close();
      throw e;
    }
  }

  /**
   * Copies a tensor into one of the same type and shape.
   *
   * @throws FormatException if there is none of this name, type and shape
   * @throws FileException if the file was shortened meanwhile
   */
  public void copyTo(String name, HostTensor target) {
    Entry entry = entry(name);
    DType dtype = SafetensorsDtype.readable(path, entry);
    long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
    if (dtype != target.dtype() || !Arrays.equals(shape, target.shape())) {
      throw new FormatException(
          path, "tensor '%s' is %s; it must be %s".formatted(name, entry, target));
    }
    copy(entry, target);
  }

  /**
   * A tensor that is the mapped bytes themselves, read-only, for kernels to read in place. Closing
   * it does nothing; {@link #close()} throws while a call uses it.
   *
   * <p>If another process shortens the file while a kernel reads it, this JVM ends. Replacing the
   * file (a rename) is harmless. So it is for files that are written once and never cut, such as
   * caches of hidden states, and {@link #requireWhole} is called before each use; what is small, or
   * may be edited, is read with {@link #read}.
   *
   * @throws FormatException if there is none, or it has a type or a shape that tensors here cannot
   *     have, or does not begin at a multiple of its type's size
   */
  public HostTensor view(String name) {
    Entry entry = entry(name);
    DType dtype = SafetensorsDtype.readable(path, entry);
    int dimensions = entry.shape().size();
    if (dimensions < 1 || dimensions > Shapes.MOST_DIMENSIONS) {
      throw new FormatException(
          path,
          "tensor '%s' is %s; tensors of 1 to %d dimensions can be used in place"
              .formatted(name, entry, Shapes.MOST_DIMENSIONS));
    }
    if (entry.begin() % dtype.bytes() != 0) {
      throw new FormatException(
          path,
          "tensor '%s' begins at byte %d; to be used in place it must begin at a multiple of %d"
              .formatted(name, entry.begin(), dtype.bytes()));
    }
    return HostTensor.view(
        dtype, segment(name), guard, entry.shape().stream().mapToLong(Long::longValue).toArray());
  }

  /**
   * Checks that the mapped file still has all its bytes. Costs some microseconds.
   *
   * @throws FileException if it was shortened
   */
  public void requireWhole() {
    try {
      BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
      // Under another key it is another file, and the mapped one is as it was.
      if (Objects.equals(now.fileKey(), key) && now.size() < header.fileLength()) {
        throw new FileException(
            path,
            "had %s when it was opened and now has %d; it must not be cut while it is in use"
                .formatted(Counted.of(header.fileLength(), "byte"), now.size()),
            new IOException("file was shortened"));
      }
    } catch (NoSuchFileException e) {
      // Its name is gone; the mapping keeps the bytes.
      return;
    } catch (IOException e) {
      throw new FileException(path, "cannot be looked at: " + e, e);
    }
  }

  private void copy(Entry entry, HostTensor target) {
    target.acquire();
    try {
      MemorySegment.copy(file, entry.begin(), target.memory(), 0, entry.end() - entry.begin());
    } catch (InternalError e) {
      throw new FileException(
          path,
          "tensor '%s' could not be read: the file was shortened while it was open"
              .formatted(entry.name()),
          e);
    } finally {
      target.release();
    }
  }

  /**
   * Unmaps the file. Closing again does nothing.
   *
   * @throws IllegalStateException if a call is using a {@link #view} of it; it stays open
   */
  @Override
  public void close() {
    if (guard.close()) {
      arena.close();
    }
  }

  @Override
  public String toString() {
    return "%s: %s".formatted(path, Counted.of(header.entries().size(), "tensor"));
  }
}
