package dev.gavel.cli.training.folder;

import dev.gavel.FileException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What a model learned from, wherever it lies.
 *
 * @param name of the file
 * @param sha256 of its bytes, in lower-case hexadecimal
 */
public record DataFile(String name, String sha256) {
  /** Reads the file. */
  public static DataFile of(Path file) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
        in.transferTo(OutputStream.nullOutputStream());
      }
      return new DataFile(
          String.valueOf(file.getFileName()), HexFormat.of().formatHex(digest.digest()));
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return "%s, sha256 %s".formatted(name, sha256);
  }
}
