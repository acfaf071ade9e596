package dev.gavel.cli.run;

import dev.gavel.cli.input.Source;
import dev.gavel.cli.program.CommandFailure;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Tells whether a file is still the one it was, without reading all of it: its length, when it was
 * changed, and a hash of its two ends.
 */
public final class SourceIdentity {
  private static final int END_BYTES = 1 << 16;

  private SourceIdentity() {}

  public static String of(Source source) {
    if (source.path().isEmpty() || !source.isRegularFile()) {
      return source.name();
    }
    Path path = source.path().get();
    try (FileChannel file = FileChannel.open(path)) {
      long size = file.size();
      MessageDigest hash = MessageDigest.getInstance("SHA-256");
      hash.update(read(file, 0));
      hash.update(read(file, Math.max(0, size - END_BYTES)));
      return "%s, %d bytes, changed %s, ends sha256 %s"
          .formatted(
              path.toAbsolutePath().normalize(),
              size,
              Files.getLastModifiedTime(path),
              HexFormat.of().formatHex(hash.digest()).substring(0, 16));
    } catch (IOException e) {
      throw CommandFailure.environment(
          "%s cannot be read: %s".formatted(path, SystemReason.reading(e)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static ByteBuffer read(FileChannel file, long from) throws IOException {
    ByteBuffer piece = ByteBuffer.allocate(END_BYTES);
    long at = from;
    while (piece.hasRemaining()) {
      int count = file.read(piece, at);
      if (count < 0) {
        break;
      }
      at += count;
    }
    return piece.flip();
  }
}
