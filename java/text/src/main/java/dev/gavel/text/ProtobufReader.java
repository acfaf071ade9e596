package dev.gavel.text;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Fields of a protobuf message in a file, one after another, as its encoding has them
 * (protobuf.dev/programming-guides/encoding): what is not wanted is passed over unread, so that a
 * file of gigabytes costs little. No library for it is on the class path. One thread.
 */
final class ProtobufReader implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;

  private final FileChannel file;
  private final long size;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).flip();
  private long bufferStart;
  private long position;
  private int field;
  private int wireType;
  private long value;

  private ProtobufReader(FileChannel file, long size) {
    this.file = file;
    this.size = size;
  }

  static ProtobufReader open(Path path) throws IOException {
    ModelFiles.requireFile(path);
    FileChannel file = FileChannel.open(path);
    try {
      return new ProtobufReader(file, file.size());
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Bytes that are no such message. */
  static final class WrongBytesException extends Exception {
    private static final long serialVersionUID = 1L;

    WrongBytesException(String message) {
      super(message);
    }
  }

  /** Bytes of the file. */
  long size() {
    return size;
  }

  /** Where the next byte stands. */
  long position() {
    return position;
  }

  /**
   * Reads the head of the next field; of one with a length, its content comes next.
   *
   * @param end where the message ends
   * @return whether there is one more
   */
  boolean next(long end) throws IOException, WrongBytesException {
    if (position == end) {
      return false;
    }
    long tag = varint(end);
    field = (int) (tag >>> 3);
    wireType = (int) (tag & 7);
    if (tag >>> 3 == 0 || tag >>> 32 != 0) {
      throw new WrongBytesException("has the field number %d".formatted(tag >>> 3));
    }
    value = 0;
    switch (wireType) {
      case VARINT -> value = varint(end);
      case FIXED64 -> skip(Long.BYTES, end);
      case FIXED32 -> skip(Integer.BYTES, end);
      case LENGTH -> {
        value = varint(end);
        if (value < 0 || value > end - position) {
          throw new WrongBytesException(
              "has a field of %s bytes at byte %d, where %d are left"
                  .formatted(Long.toUnsignedString(value), position, end - position));
        }
      }
      default ->
          throw new WrongBytesException(
              "has the wire type %d before byte %d".formatted(wireType, position));
    }
    return true;
  }

  /** Number of the field. */
  int field() {
    return field;
  }

  /** Whether the field is a whole number. */
  boolean isNumber() {
    return wireType == VARINT;
  }

  /** Whether the field has a length, and its content was not read yet. */
  boolean hasContent() {
    return wireType == LENGTH;
  }

  /** The whole number, or the length of the content. */
  long value() {
    return value;
  }

  /** Passes over the content of a field, where it has some. */
  void skipContent() {
    if (hasContent()) {
      position += value;
    }
  }

  /** Reads the content of a field as text. */
  String text(int most) throws IOException, WrongBytesException {
    if (value > most) {
      throw new WrongBytesException("has a text of %d bytes".formatted(value));
    }
    byte[] bytes = new byte[(int) value];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = read();
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new WrongBytesException("has a text that is not UTF-8 before byte " + position);
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }

  private void skip(int bytes, long end) throws WrongBytesException {
    if (bytes > end - position) {
      throw new WrongBytesException("ends within a number at byte " + position);
    }
    position += bytes;
  }

  private long varint(long end) throws IOException, WrongBytesException {
    long read = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      if (position == end) {
        throw new WrongBytesException("ends within a number at byte " + position);
      }
      byte next = read();
      read |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return read;
      }
    }
    throw new WrongBytesException("has a number of more than 64 bits before byte " + position);
  }

  private byte read() throws IOException {
    long at = position - bufferStart;
    if (at < 0 || at >= buffer.limit()) {
      buffer.clear();
      int count = file.read(buffer, position);
      if (count <= 0) {
        throw new EOFException("the file was shortened while it was read");
      }
      buffer.flip();
      bufferStart = position;
      at = 0;
    }
    position++;
    return buffer.get((int) at);
  }
}
