package dev.gavel.cli.metric;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * Numbers made from texts, the same for ever and everywhere: SHA-256 of the UTF-8 texts, joined by
 * a zero byte, read as four big-endian numbers of 64 bits.
 */
final class PromptHash {
  private PromptHash() {}

  /** One of the four numbers. */
  static long word(int index, List<String> texts) {
    byte[] digest;
    try {
      digest =
          MessageDigest.getInstance("SHA-256")
              .digest(String.join("\0", texts).getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    return ByteBuffer.wrap(digest).getLong(index * Long.BYTES);
  }
}
