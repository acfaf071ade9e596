package dev.gavel.cli.metric;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Numbers made from texts, the same for ever and everywhere: SHA-256 of the UTF-8 texts, joined by
 * a zero byte, read as four big-endian numbers of 64 bits.
 *
 * @param hex the hash, 64 small hexadecimal digits
 */
public record PromptHash(String hex) {
  private static final int DIGITS = 64;

  /** Of a prompt. */
  public static PromptHash of(String prompt) {
    return of(List.of(prompt));
  }

  /** Of several texts. */
  static PromptHash of(List<String> texts) {
    try {
      return new PromptHash(
          HexFormat.of()
              .formatHex(
                  MessageDigest.getInstance("SHA-256")
                      .digest(String.join("\0", texts).getBytes(StandardCharsets.UTF_8))));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Reads what {@link #hex} wrote; empty where it is no such text. */
  public static Optional<PromptHash> parse(String text) {
    return text.matches("[0-9a-f]{%d}".formatted(DIGITS))
        ? Optional.of(new PromptHash(text))
        : Optional.empty();
  }

  /** One of the four numbers. */
  long word(int index) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex)).getLong(index * Long.BYTES);
  }
}
