package dev.gavel;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.gavel.message.SystemReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Writes safetensors files: the same content gives the same bytes, and a file is there whole or not
 * at all.
 */
final class SafetensorsWriter {
  private static final System.Logger LOGGER = System.getLogger("dev.gavel");
  private static final JsonFactory FACTORY = new JsonFactory();
  private static final long LARGEST_PIECE = 1L << 28;

  private SafetensorsWriter() {}

  static void write(Path path, Map<String, String> metadata, Map<String, HostTensor> tensors) {
    metadata.forEach((key, value) -> {
      checkText(path, key);
      checkText(path, value);
    });
    tensors.keySet().forEach(name -> checkText(path, name));
    if (tensors.containsKey(SafetensorsJson.METADATA)) {
      throw new InvalidArgumentException(
          "%s: a tensor cannot be called %s".formatted(path, SafetensorsJson.METADATA));
    }
    // Wider types first, as the reference writer does: every tensor then lies aligned to its type.
    List<Map.Entry<String, HostTensor>> sorted = new ArrayList<>(tensors.entrySet());
    sorted.sort(
        Comparator.comparingInt((Map.Entry<String, HostTensor> e) -> -e.getValue().dtype().bytes())
            .thenComparing(Map.Entry::getKey));
    int acquired = 0;
    try {
      for (Map.Entry<String, HostTensor> entry : sorted) {
        entry.getValue().acquire();
        acquired++;
      }
      writeFile(path, header(path, metadata, sorted), sorted);
    } finally {
      for (int i = 0; i < acquired; i++) {
        sorted.get(i).getValue().release();
      }
    }
  }

  private static byte[] header(
      Path path, Map<String, String> metadata, List<Map.Entry<String, HostTensor>> tensors) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = FACTORY.createGenerator(bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(SafetensorsJson.METADATA);
        for (Map.Entry<String, String> text : new TreeMap<>(metadata).entrySet()) {
          json.writeStringField(text.getKey(), text.getValue());
        }
        json.writeEndObject();
      }
      long begin = 0;
      for (Map.Entry<String, HostTensor> entry : tensors) {
        HostTensor tensor = entry.getValue();
        long end = begin + tensor.memory().byteSize();
        json.writeObjectFieldStart(entry.getKey());
        json.writeStringField("dtype", SafetensorsDtype.name(tensor.dtype()));
        long[] shape = tensor.shape();
        json.writeFieldName("shape");
        json.writeArray(shape, 0, shape.length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {begin, end}, 0, 2);
        json.writeEndObject();
        begin = end;
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new AssertionError("memory can always be written", e);
    }
    // Padded with spaces, so that the tensors begin at a multiple of 8 bytes.
    int length = (bytes.size() + 7) / 8 * 8;
    if (length > SafetensorsHeader.LONGEST_HEADER) {
      throw new FileException(
          path,
          "would have a header of %d bytes; the format allows %d. Use fewer tensors or shorter texts"
              .formatted(length, SafetensorsHeader.LONGEST_HEADER));
    }
    byte[] padded = Arrays.copyOf(bytes.toByteArray(), length);
    Arrays.fill(padded, bytes.size(), length, (byte) ' ');
    return padded;
  }

  private static void writeFile(
      Path path, byte[] header, List<Map.Entry<String, HostTensor>> tensors) {
    Path target = path.toAbsolutePath();
    Path directory = target.getParent();
    if (directory == null) {
      throw new FileException(path, "is not a file that can be written");
    }
    // In the same directory: a rename is atomic inside one file system only.
    Path temporary =
        directory.resolve(".%s.%s.tmp".formatted(target.getFileName(), UUID.randomUUID()));
    try {
      writeAndFlush(temporary, header, tensors);
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      try (FileChannel folder = FileChannel.open(directory, StandardOpenOption.READ)) {
        folder.force(true); // the rename itself
      }
    } catch (IOException e) {
      throw new FileException(
          path,
          "cannot be written: %s. Free space or choose another place"
              .formatted(SystemReason.writing(e)),
          e);
    } finally {
      removeLeftover(temporary);
    }
  }

  private static void writeAndFlush(
      Path temporary, byte[] header, List<Map.Entry<String, HostTensor>> tensors)
      throws IOException {
    try (FileChannel channel =
        FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer length = ByteBuffer.allocate(SafetensorsHeader.LENGTH_BYTES);
      length.order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).flip();
      writeFully(channel, length);
      writeFully(channel, ByteBuffer.wrap(header));
      for (Map.Entry<String, HostTensor> entry : tensors) {
        writeFully(channel, entry.getValue().memory());
      }
      // Before the rename, or a crash could leave an empty file in place of the old one.
      channel.force(true);
    }
  }

  private static void removeLeftover(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "%s is left over and could not be removed: %s".formatted(temporary, e));
    }
  }

  private static void writeFully(FileChannel channel, MemorySegment memory) throws IOException {
    for (long at = 0; at < memory.byteSize(); at += LARGEST_PIECE) {
      long piece = Math.min(LARGEST_PIECE, memory.byteSize() - at);
      writeFully(channel, memory.asSlice(at, piece).asByteBuffer());
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private static void checkText(Path path, String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new InvalidArgumentException(
          "%s: a name or text to be written contains half a surrogate pair".formatted(path));
    }
  }
}
