package dev.gavel.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.CRC32;
import java.util.zip.CheckedOutputStream;

/** Hashes of files and streams, as text. */
enum Hashing {
  /** Lower-case hexadecimal. */
  SHA_256 {
    @Override
    String copy(InputStream in, OutputStream out) throws IOException {
      MessageDigest digest;
      try {
        digest = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new AssertionError("every Java platform has SHA-256", e);
      }
      DigestOutputStream digesting = new DigestOutputStream(out, digest);
      in.transferTo(digesting);
      digesting.flush();
      return HexFormat.of().formatHex(digest.digest());
    }
  },

  /** What the directory of a jar has of its entries: the CRC-32 and the length. */
  CRC_32 {
    @Override
    String copy(InputStream in, OutputStream out) throws IOException {
      CRC32 crc = new CRC32();
      CheckedOutputStream checked = new CheckedOutputStream(out, crc);
      long length = in.transferTo(checked);
      checked.flush();
      return crc32(crc.getValue(), length);
    }
  };

  /** Copies everything and returns the hash of what was copied. Closes neither stream. */
  abstract String copy(InputStream in, OutputStream out) throws IOException;

  String of(InputStream in) throws IOException {
    return copy(in, OutputStream.nullOutputStream());
  }

  String of(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return of(in);
    }
  }

  /** {@link #CRC_32} of a content whose CRC and length are known. */
  static String crc32(long crc, long length) {
    return "crc32-%s-%d".formatted(HexFormat.of().toHexDigits((int) crc), length);
  }
}
