package dev.gavel.cli.run;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/** Small files that are there whole, on the disk, or not at all. */
public final class WholeFile {
  private WholeFile() {}

  /** Writes a file, in place of one that may be there; on the disk when this returns. */
  public static void write(Path file, byte[] content) throws IOException {
    Path partial = partial(file, content);
    Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
    syncFolder(file.toAbsolutePath().getParent());
  }

  /** CRC-32C of a file, eight hexadecimal digits. */
  public static String checksum(Path file) throws IOException {
    return HexFormat.of().toHexDigits((int) PartialFile.checksum(file));
  }

  /** CRC-32C of a text in UTF-8, eight hexadecimal digits. */
  public static String checksum(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().toHexDigits((int) crc.getValue());
  }

  /** Writes what is to be moved in place later; on the disk when this returns. */
  static Path partial(Path file, byte[] content) throws IOException {
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    try (FileChannel channel =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    return partial;
  }

  /** Brings the names of files to the disk. */
  static void syncFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder)) {
      channel.force(true);
    }
  }
}
