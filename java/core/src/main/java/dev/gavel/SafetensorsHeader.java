package dev.gavel;

import dev.gavel.message.Counted;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The checked header of a safetensors file: 8 bytes of length n, n bytes of JSON, then the tensors'
 * bytes.
 *
 * <p>The rules, each a {@link FormatException} where it is broken: the header is not longer than
 * 100 million bytes (the format's limit) nor than the file; it is UTF-8 and one JSON object that
 * begins with a brace; no name appears twice; every tensor has exactly dtype, shape and
 * data_offsets; lengths are not negative, and their product and the bytes do not overflow; the
 * range of every tensor lies in the file, has as many bytes as its shape and type demand, and
 * follows the one before it without overlap or hole, to the end of the file.
 *
 * @param fileLength bytes of the whole file
 * @param metadata texts of {@code __metadata__}
 * @param entries tensors by name, in the order of their bytes, with offsets from the start of the
 *     file
 */
record SafetensorsHeader(
    long fileLength, Map<String, String> metadata, Map<String, Safetensors.Entry> entries) {

  static final long LONGEST_HEADER = 100_000_000;
  static final int LENGTH_BYTES = 8;

  // Enough to tell a user which file this is, without filling the screen.
  private static final int MOST_NAMES_SHOWN = 12;

  static SafetensorsHeader read(Path path, FileChannel channel) throws IOException {
    long fileLength = channel.size();
    if (fileLength < LENGTH_BYTES) {
      throw new FormatException(
          path,
          "has %s; a safetensors file begins with 8 bytes of header length"
              .formatted(Counted.of(fileLength, "byte")));
    }
    long length = readFully(path, channel, 0, LENGTH_BYTES).getLong();
    if (length < 2 || length > LONGEST_HEADER) {
      throw new FormatException(
          path,
          "announces a header of %s bytes; it must be 2 to %d. Is it a safetensors file?"
              .formatted(Long.toUnsignedString(length), LONGEST_HEADER));
    }
    if (length > fileLength - LENGTH_BYTES) {
      throw new FormatException(
          path,
          "announces a header of %s, but has %s in all; it is cut short"
              .formatted(Counted.of(length, "byte"), Counted.of(fileLength, "byte")));
    }
    byte[] json = readFully(path, channel, LENGTH_BYTES, (int) length).array();
    SafetensorsJson parsed = SafetensorsJson.parse(path, json);
    return new SafetensorsHeader(
        fileLength,
        Collections.unmodifiableMap(parsed.metadata()),
        place(path, parsed.tensors(), LENGTH_BYTES + length, fileLength));
  }

  /** The first names, for messages. */
  String names() {
    List<String> names = entries.keySet().stream().limit(MOST_NAMES_SHOWN).toList();
    int more = entries.size() - names.size();
    return names + (more > 0 ? " and %d more".formatted(more) : "");
  }

  private static ByteBuffer readFully(Path path, FileChannel channel, long position, int length)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new FormatException(path, "was shortened while its header was read");
      }
    }
    return buffer.flip();
  }

  private static Map<String, Safetensors.Entry> place(
      Path path, List<Safetensors.Entry> tensors, long dataStart, long fileLength) {
    List<Safetensors.Entry> sorted = new ArrayList<>(tensors);
    sorted.sort(
        Comparator.comparingLong(Safetensors.Entry::begin)
            .thenComparingLong(Safetensors.Entry::end)
            .thenComparing(Safetensors.Entry::name));
    long dataLength = fileLength - dataStart;
    Map<String, Safetensors.Entry> placed = new LinkedHashMap<>();
    long next = 0;
    for (Safetensors.Entry tensor : sorted) {
      checkRange(path, tensor, next, dataLength);
      checkBytes(path, tensor);
      next = tensor.end();
      placed.put(
          tensor.name(),
          new Safetensors.Entry(
              tensor.name(),
              tensor.dtype(),
              tensor.shape(),
              dataStart + tensor.begin(),
              dataStart + tensor.end()));
    }
    if (next != dataLength) {
      throw new FormatException(
          path,
          "has %s of tensor data, its tensors cover %d; all bytes must belong to a tensor"
              .formatted(Counted.of(dataLength, "byte"), next));
    }
    return Collections.unmodifiableMap(placed);
  }

  private static void checkRange(
      Path path, Safetensors.Entry tensor, long expectedBegin, long dataLength) {
    String found =
        "tensor '%s' has bytes %d to %d".formatted(tensor.name(), tensor.begin(), tensor.end());
    if (tensor.begin() < 0 || tensor.end() < tensor.begin()) {
      throw new FormatException(path, found + "; offsets must not be negative or fall");
    }
    if (tensor.end() > dataLength) {
      throw new FormatException(
          path,
          "%s; the file has %s of tensor data. It is cut short or damaged"
              .formatted(found, Counted.of(dataLength, "byte")));
    }
    if (tensor.begin() != expectedBegin) {
      throw new FormatException(
          path,
          "%s; it must begin at %d, where the one before ends: ranges must neither overlap nor leave holes"
              .formatted(found, expectedBegin));
    }
  }

  private static void checkBytes(Path path, Safetensors.Entry tensor) {
    long elements = 1;
    for (long length : tensor.shape()) {
      if (length < 0) {
        throw new FormatException(
            path,
            "tensor '%s' is %s; lengths must not be negative".formatted(tensor.name(), tensor));
      }
      elements = multiply(path, tensor, elements, length);
    }
    OptionalInt bits = SafetensorsDtype.bits(tensor.dtype());
    if (bits.isEmpty()) {
      return; // Listed, and refused when it is used.
    }
    long demanded = multiply(path, tensor, elements, bits.getAsInt());
    long bytes = tensor.end() - tensor.begin();
    if (demanded % Byte.SIZE != 0 || demanded / Byte.SIZE != bytes) {
      throw new FormatException(
          path,
          "tensor '%s' is %s, which has %d bits, but has %s"
              .formatted(tensor.name(), tensor, demanded, Counted.of(bytes, "byte")));
    }
  }

  private static long multiply(Path path, Safetensors.Entry tensor, long a, long b) {
    if (b != 0 && a > Long.MAX_VALUE / b) {
      throw new FormatException(
          path, "tensor '%s' is %s, more than 2^63 bits".formatted(tensor.name(), tensor));
    }
    return a * b;
  }
}
