package dev.gavel.bindings;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** Allocation and checks that all structs of the interface share. */
public final class NativeStruct {
  private NativeStruct() {}

  /**
   * Allocates a struct with {@code struct_size} set and everything else 0.
   *
   * @param layout layout of a generated struct class, for instance {@code
   *     gavel_score_args.layout()}
   */
  public static MemorySegment allocate(SegmentAllocator allocator, GroupLayout layout) {
    MemorySegment struct = allocator.allocate(layout);
    struct.fill((byte) 0); // an allocator may hand out used memory
    long offset = layout.byteOffset(PathElement.groupElement("struct_size"));
    struct.set(ValueLayout.JAVA_INT, offset, Math.toIntExact(layout.byteSize()));
    return struct;
  }

  /** Reads a text field of fixed size up to its 0. */
  public static String text(MemorySegment field) {
    byte[] bytes = field.toArray(ValueLayout.JAVA_BYTE);
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  /**
   * Refuses a segment that is too small for what native code will read behind its address.
   *
   * @throws IllegalArgumentException if the segment is smaller than the layout
   */
  static void require(MemorySegment struct, GroupLayout layout) {
    if (struct.byteSize() < layout.byteSize()) {
      throw tooSmall(struct, layout);
    }
  }

  private static IllegalArgumentException tooSmall(MemorySegment struct, GroupLayout layout) {
    return new IllegalArgumentException(
        "%s needs %d bytes, the segment given for it has %d"
            .formatted(layout.name().orElse("a struct"), layout.byteSize(), struct.byteSize()));
  }
}
