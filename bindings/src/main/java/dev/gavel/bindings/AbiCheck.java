package dev.gavel.bindings;

import dev.gavel.bindings.ffi.gavel_backward_args;
import dev.gavel.bindings.ffi.gavel_context_info;
import dev.gavel.bindings.ffi.gavel_context_options;
import dev.gavel.bindings.ffi.gavel_error;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_head_spec;
import dev.gavel.bindings.ffi.gavel_loss_args;
import dev.gavel.bindings.ffi.gavel_optimizer_options;
import dev.gavel.bindings.ffi.gavel_parameter_info;
import dev.gavel.bindings.ffi.gavel_scatter_args;
import dev.gavel.bindings.ffi.gavel_score_args;
import dev.gavel.bindings.ffi.gavel_tensor;
import dev.gavel.bindings.ffi.gavel_token_logprob_args;
import dev.gavel.bindings.ffi.gavel_token_logprob_backward_args;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Compares a library with the interface this module was compiled for, using only symbols looked up
 * here: the generated functions cannot be initialised against a library that lacks one of them.
 */
final class AbiCheck {
  private static final String DESCRIPTOR = "$descriptor";

  private AbiCheck() {}

  /** Layout by struct id, for every struct of the interface. */
  static Map<Integer, GroupLayout> structs() {
    Map<Integer, GroupLayout> structs = new LinkedHashMap<>();
    structs.put(gavel_h.GAVEL_STRUCT_ERROR(), gavel_error.layout());
    structs.put(gavel_h.GAVEL_STRUCT_TENSOR(), gavel_tensor.layout());
    structs.put(gavel_h.GAVEL_STRUCT_CONTEXT_OPTIONS(), gavel_context_options.layout());
    structs.put(gavel_h.GAVEL_STRUCT_CONTEXT_INFO(), gavel_context_info.layout());
    structs.put(gavel_h.GAVEL_STRUCT_HEAD_SPEC(), gavel_head_spec.layout());
    structs.put(gavel_h.GAVEL_STRUCT_PARAMETER_INFO(), gavel_parameter_info.layout());
    structs.put(gavel_h.GAVEL_STRUCT_SCORE_ARGS(), gavel_score_args.layout());
    structs.put(gavel_h.GAVEL_STRUCT_LOSS_ARGS(), gavel_loss_args.layout());
    structs.put(gavel_h.GAVEL_STRUCT_BACKWARD_ARGS(), gavel_backward_args.layout());
    structs.put(gavel_h.GAVEL_STRUCT_SCATTER_ARGS(), gavel_scatter_args.layout());
    structs.put(gavel_h.GAVEL_STRUCT_OPTIMIZER_OPTIONS(), gavel_optimizer_options.layout());
    structs.put(gavel_h.GAVEL_STRUCT_TOKEN_LOGPROB_ARGS(), gavel_token_logprob_args.layout());
    structs.put(
        gavel_h.GAVEL_STRUCT_TOKEN_LOGPROB_BACKWARD_ARGS(),
        gavel_token_logprob_backward_args.layout());
    return structs;
  }

  /** Names of the C functions that the generated class declares, sorted. */
  static SortedSet<String> functions() {
    SortedSet<String> names = new TreeSet<>();
    Arrays.stream(gavel_h.class.getDeclaredMethods())
        .map(Method::getName)
        .filter(name -> name.endsWith(DESCRIPTOR))
        .forEach(name -> names.add(name.substring(0, name.length() - DESCRIPTOR.length())));
    return names;
  }

  /**
   * Checks ABI version, functions and struct sizes, in this order.
   *
   * @throws AbiMismatchException at the first difference
   */
  static void verify(SymbolLookup library) throws AbiMismatchException {
    MemorySegment version =
        library
            .find("gavel_abi_version")
            .orElseThrow(() ->
                new AbiMismatchException(
                    "is not a Gavel library: it has no function gavel_abi_version"));
    int found = callVersion(version);
    if (found != gavel_h.GAVEL_ABI_VERSION()) {
      throw new AbiMismatchException(
          "has ABI version %d, these bindings need %d"
              .formatted(found, gavel_h.GAVEL_ABI_VERSION()));
    }
    for (String function : functions()) {
      if (library.find(function).isEmpty()) {
        throw new AbiMismatchException("has no function " + function);
      }
    }
    MemorySegment structSize = library.find("gavel_struct_size").orElseThrow();
    for (Map.Entry<Integer, GroupLayout> struct : structs().entrySet()) {
      long size = callStructSize(structSize, struct.getKey());
      if (size != struct.getValue().byteSize()) {
        throw new AbiMismatchException(
            "has %d bytes in struct %s, these bindings have %d"
                .formatted(
                    size, struct.getValue().name().orElseThrow(), struct.getValue().byteSize()));
      }
    }
  }

  // int32_t gavel_abi_version(void)
  private static int callVersion(MemorySegment function) {
    MethodHandle handle =
        Linker.nativeLinker().downcallHandle(function, FunctionDescriptor.of(ValueLayout.JAVA_INT));
    try {
      return (int) handle.invokeExact();
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing checked", e);
    }
  }

  // int64_t gavel_struct_size(int32_t struct_id)
  private static long callStructSize(MemorySegment function, int structId) {
    MethodHandle handle =
        Linker.nativeLinker()
            .downcallHandle(
                function, FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    try {
      return (long) handle.invokeExact(structId);
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing checked", e);
    }
  }
}
