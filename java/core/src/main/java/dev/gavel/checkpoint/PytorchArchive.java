package dev.gavel.checkpoint;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.message.Counted;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * The zip archive of {@code torch.save}: one folder whose entries are stored, never compressed, so
 * that a part of one can be read without the rest. An entry that says otherwise is refused. What is
 * read whole is compared with its checksum, if it has one, which says nothing of a part.
 */
final class PytorchArchive implements AutoCloseable {
  private static final byte[] ZIP = {'P', 'K', 3, 4};
  private static final int PIECE = 1 << 16;

  private final Path path;
  private final ZipFile zip;
  private final String root;
  private final long length;

  private PytorchArchive(Path path, ZipFile zip, String root, long length) {
    this.path = path;
    this.zip = zip;
    this.root = root;
    this.length = length;
  }

  /**
   * Opens a file.
   *
   * @throws FormatException if it is no such archive; older forms are refused by name
   */
  static PytorchArchive open(Path path) {
    try {
      requireZip(path);
      ZipFile zip = new ZipFile(path.toFile());
      try {
        return new PytorchArchive(path, zip, root(path, zip), Files.size(path));
      } catch (RuntimeException e) {
        zip.close();
        throw e;
      }
    } catch (ZipException e) {
      throw new FormatException(
          path, "is no whole PyTorch archive, it is cut short or damaged: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new FileException(
          path, "cannot be read as a PyTorch archive: " + SystemReason.reading(e), e);
    }
  }

  private static void requireZip(Path path) throws IOException {
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new FormatException(path, "is a folder, a pipe or a device; it must be a file");
    }
    byte[] first;
    try (InputStream in = Files.newInputStream(path)) {
      first = in.readNBytes(ZIP.length);
    }
    if (Arrays.equals(first, ZIP)) {
      return;
    }
    boolean pickle = first.length > 0 && first[0] == (byte) 0x80;
    throw new FormatException(
        path,
        "%s; only the zip form of PyTorch 1.6 and later is read: %s"
            .formatted(
                pickle
                    ? "is a bare pickle, the form of torch.save before PyTorch 1.6"
                    : "is no file of torch.save",
                PickledObjects.CONVERT));
  }

  private static String root(Path path, ZipFile zip) {
    Set<String> names = new HashSet<>();
    zip.stream()
        .map(ZipEntry::getName)
        .forEach(name -> {
          if (!names.add(name)) {
            throw new FormatException(path, "has the entry '%s' twice".formatted(name));
          }
        });
    List<String> pickles = names.stream().filter(name -> name.endsWith("/data.pkl")).toList();
    if (pickles.size() != 1
        || pickles.getFirst().indexOf('/') != pickles.getFirst().lastIndexOf('/')) {
      throw new FormatException(
          path,
          "has the pickles %s; torch.save writes exactly one, FOLDER/data.pkl".formatted(pickles));
    }
    String root = pickles.getFirst().substring(0, pickles.getFirst().lastIndexOf('/') + 1);
    if (names.contains(root + "constants.pkl")) {
      throw new FormatException(
          path, "is a TorchScript archive, a program; save model.state_dict() instead");
    }
    return root;
  }

  Path path() {
    return path;
  }

  boolean has(String name) {
    return zip.getEntry(root + name) != null;
  }

  /**
   * A whole entry.
   *
   * @param most bytes an entry of this kind may sensibly have
   */
  byte[] read(String name, int most) {
    ZipEntry entry = entry(name);
    if (entry.getSize() > most) {
      throw new FormatException(
          path,
          "has an entry %s of %s; it may have %d"
              .formatted(name, Counted.of(entry.getSize(), "byte"), most));
    }
    byte[] content = new byte[(int) entry.getSize()];
    try {
      copy(entry, 0, MemorySegment.ofArray(content));
      return content;
    } catch (IOException e) {
      throw new FileException(path, "entry %s cannot be read: %s".formatted(name, e), e);
    }
  }

  /**
   * Checks that an entry has as many bytes as its storage demands.
   *
   * @throws FormatException if it has not, or there is none
   */
  void requireLength(String name, long length) {
    ZipEntry entry = entry(name);
    if (entry.getSize() != length) {
      throw new FormatException(
          path,
          "has an entry %s of %s; its storage has %d"
              .formatted(name, Counted.of(entry.getSize(), "byte"), length));
    }
  }

  /**
   * Part of an entry.
   *
   * @param from first byte
   * @param into filled whole
   */
  void read(String name, long from, MemorySegment into) throws IOException {
    copy(entry(name), from, into);
  }

  private ZipEntry entry(String name) {
    ZipEntry entry = zip.getEntry(root + name);
    if (entry == null) {
      throw new FormatException(
          path, "has no entry %s; it is cut short or damaged".formatted(name));
    }
    boolean stored =
        entry.getMethod() == ZipEntry.STORED && entry.getSize() == entry.getCompressedSize();
    if (!stored || entry.getSize() > length) {
      throw new FormatException(
          path,
          "has an entry %s that is compressed, or longer than the file; torch.save writes neither"
              .formatted(name));
    }
    return entry;
  }

  private void copy(ZipEntry entry, long from, MemorySegment into) throws IOException {
    byte[] piece = new byte[(int) Math.min(PIECE, into.byteSize())];
    CRC32 crc = new CRC32();
    try (InputStream in = zip.getInputStream(entry)) {
      in.skipNBytes(from);
      for (long at = 0; at < into.byteSize(); ) {
        int wanted = (int) Math.min(piece.length, into.byteSize() - at);
        if (in.readNBytes(piece, 0, wanted) < wanted) {
          throw new FormatException(
              path, "entry %s ends early; the file is cut short".formatted(entry.getName()));
        }
        MemorySegment.copy(piece, 0, into, ValueLayout.JAVA_BYTE, at, wanted);
        crc.update(piece, 0, wanted);
        at += wanted;
      }
    }
    // torch.save writes 0 where it is told to compute none (config.save.compute_crc32).
    boolean checked = entry.getCrc() != 0 && into.byteSize() == entry.getSize();
    if (checked && crc.getValue() != entry.getCrc()) {
      throw new FormatException(
          path,
          "entry %s is damaged: its CRC-32 is %08x, the archive says %08x; fetch or save the file again"
              .formatted(entry.getName(), crc.getValue(), entry.getCrc()));
    }
  }

  @Override
  public void close() {
    try {
      zip.close();
    } catch (IOException e) {
      throw new FileException(path, "cannot be closed: " + SystemReason.writing(e), e);
    }
  }
}
