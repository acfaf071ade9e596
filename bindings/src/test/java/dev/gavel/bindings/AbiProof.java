package dev.gavel.bindings;

import dev.gavel.bindings.ffi.gavel_h;
import java.io.IOException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes what Java believes about the interface as C and C++ text that compiles only where it is
 * true.
 *
 * <p>C proves the constants, and of every struct the size, the alignment and each field's offset,
 * size and type; it also declares each function again with the prototype that stands in the
 * generated source, which a compiler accepts only where the types are compatible. C++ proves each
 * {@link FunctionDescriptor} and that a struct has no field that Java does not know.
 */
final class AbiProof {
  private AbiProof() {}

  static String c() throws IOException {
    StringBuilder text =
        new StringBuilder(
            """
            #include <stddef.h>
            #include <gavel/gavel.h>
            #define IS_INT(x) _Generic((x), int32_t : 1, uint32_t : 1, default : 0)
            #define IS_LONG(x) _Generic((x), int64_t : 1, uint64_t : 1, default : 0)
            #define IS_FLOAT(x) _Generic((x), float : 1, default : 0)
            #define IS_CHAR(x) _Generic((x), char : 1, default : 0)
            #define IS_POINTER(x) _Generic((x), void * : 1, const void * : 1, const char * : 1, gavel_stream * : 1, \\
                gavel_head * : 1, const gavel_tensor * : 1, default : 0)
            """);
    constants(text);
    for (GroupLayout struct : AbiCheck.structs().values()) {
      struct(text, struct);
    }
    prototypes().forEach(prototype -> text.append(prototype).append(";\n"));
    return text.toString();
  }

  static String cpp() {
    StringBuilder text =
        new StringBuilder(
            """
            #include <gavel/gavel.h>
            #include <type_traits>
            template <typename T> constexpr char kind() {
              if constexpr (std::is_void_v<T>) return 'v';
              else if constexpr (std::is_pointer_v<T>) return 'p';
              else if constexpr (std::is_same_v<T, float>) return 'f';
              else if constexpr (std::is_integral_v<T> && sizeof(T) == 4) return 'i';
              else if constexpr (std::is_integral_v<T> && sizeof(T) == 8) return 'l';
              else return '?';
            }
            template <typename F> struct Signature;
            template <typename R, typename... A> struct Signature<R(A...)> {
              static constexpr char text[] = {kind<R>(), kind<A>()..., 0};
            };
            constexpr bool same(const char *a, const char *b) {
              while (*a != 0 && *a == *b) { ++a; ++b; }
              return *a == *b;
            }
            """);
    for (String function : AbiCheck.functions()) {
      text.append(
          "static_assert(same(Signature<decltype(%s)>::text, \"%s\"), \"%s: prototype\");\n"
              .formatted(function, signature(descriptor(function)), function));
    }
    for (GroupLayout struct : AbiCheck.structs().values()) {
      List<String> names = new ArrayList<>();
      for (MemoryLayout member : struct.memberLayouts()) {
        if (!(member instanceof PaddingLayout)) {
          names.add("field" + names.size());
        }
      }
      String name = struct.name().orElseThrow();
      text.append(
          "[[maybe_unused]] static void all_fields(%s &value) { auto &[%s] = value; %s }\n"
              .formatted(
                  name,
                  String.join(", ", names),
                  String.join(" ", names.stream().map(field -> "(void)" + field + ";").toList())));
    }
    return text.toString();
  }

  private static void constants(StringBuilder text) {
    for (Method method : gavel_h.class.getDeclaredMethods()) {
      if (method.getName().startsWith("GAVEL_")
          && method.getParameterCount() == 0
          && Modifier.isPublic(method.getModifiers())) {
        text.append(
            "_Static_assert(%s == %s, \"%s: value\");\n"
                .formatted(method.getName(), call(method), method.getName()));
      }
    }
  }

  private static void struct(StringBuilder text, GroupLayout struct) {
    String name = struct.name().orElseThrow();
    claim(text, "sizeof(%s) == %d".formatted(name, struct.byteSize()), name + ": size");
    claim(text, "_Alignof(%s) == %d".formatted(name, struct.byteAlignment()), name + ": alignment");
    long offset = 0;
    for (MemoryLayout member : struct.memberLayouts()) {
      if (!(member instanceof PaddingLayout)) {
        String field = member.name().orElseThrow();
        String place = name + "." + field;
        String value = "((%s *)0)->%s".formatted(name, field);
        claim(text, "offsetof(%s, %s) == %d".formatted(name, field, offset), place + ": offset");
        claim(text, "sizeof(%s) == %d".formatted(value, member.byteSize()), place + ": size");
        claim(text, isType(value, member), place + ": type");
      }
      offset += member.byteSize();
    }
  }

  /** A C expression that is 1 where {@code value} has the type that the layout stands for. */
  private static String isType(String value, MemoryLayout layout) {
    return switch (layout) {
      case ValueLayout.OfInt any -> "IS_INT(" + value + ")";
      case ValueLayout.OfLong any -> "IS_LONG(" + value + ")";
      case ValueLayout.OfFloat any -> "IS_FLOAT(" + value + ")";
      case ValueLayout.OfByte any -> "IS_CHAR(" + value + ")";
      case AddressLayout any -> "IS_POINTER(" + value + ")";
      case SequenceLayout sequence -> isType(value + "[0]", sequence.elementLayout());
      case GroupLayout nested ->
          "_Generic((%s), %s : 1, default : 0)".formatted(value, name(nested));
      default -> throw new AssertionError("no C type is known for " + layout);
    };
  }

  /** The struct that a field with this layout is: the field's layout bears the field's name. */
  private static String name(GroupLayout nested) {
    return AbiCheck.structs().values().stream()
        .filter(struct -> struct.withoutName().equals(nested.withoutName()))
        .findFirst()
        .flatMap(GroupLayout::name)
        .orElseThrow();
  }

  private static void claim(StringBuilder text, String condition, String what) {
    text.append("_Static_assert(%s, \"%s\");\n".formatted(condition, what));
  }

  /** The prototypes in the comments of the generated source, one per function. */
  private static List<String> prototypes() throws IOException {
    String source =
        Files.readString(Path.of("src/generated/java/dev/gavel/bindings/ffi/gavel_h.java"));
    List<String> prototypes = new ArrayList<>();
    for (String function : AbiCheck.functions()) {
      Matcher matcher =
          Pattern.compile("^ +\\* ([a-z].*\\b" + function + "\\(.*\\))$", Pattern.MULTILINE)
              .matcher(source);
      if (!matcher.find()) {
        throw new AssertionError("the generated source shows no prototype of " + function);
      }
      prototypes.add(matcher.group(1).replace("()", "(void)"));
    }
    return prototypes;
  }

  /**
   * The descriptor that the downcall was linked with; the generated class looks the function up
   * first.
   */
  private static FunctionDescriptor descriptor(String function) {
    NativeLibrary.load();
    try {
      return (FunctionDescriptor) call(gavel_h.class.getDeclaredMethod(function + "$descriptor"));
    } catch (NoSuchMethodException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  private static String signature(FunctionDescriptor descriptor) {
    StringBuilder text = new StringBuilder();
    text.append(descriptor.returnLayout().map(AbiProof::kind).orElse('v'));
    descriptor.argumentLayouts().forEach(layout -> text.append(kind(layout)));
    return text.toString();
  }

  private static char kind(MemoryLayout layout) {
    return switch (layout) {
      case ValueLayout.OfInt any -> 'i';
      case ValueLayout.OfLong any -> 'l';
      case ValueLayout.OfFloat any -> 'f';
      case AddressLayout any -> 'p';
      default -> throw new AssertionError("no C type is known for " + layout);
    };
  }

  private static Object call(Method method) {
    try {
      return method.invoke(null);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }
}
