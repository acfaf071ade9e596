package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The few functions and classes a pickled state dict may name, and what they make. */
final class PickledObjects {
  static final String CONVERT = "load it in PyTorch and write it with safetensors.torch.save_file";

  /** A function of the pickle that may be called. */
  @FunctionalInterface
  interface Function {
    /** Makes a value of its arguments, or refuses them. */
    Object call(Path file, @Nullable Object[] arguments);
  }

  private static final Map<String, Function> FUNCTIONS =
      Map.of(
          "collections.OrderedDict", PickledObjects::orderedDict,
          "torch._utils._rebuild_tensor_v2", PickledObjects::tensor,
          "torch._utils._rebuild_parameter", PickledObjects::parameter,
          "torch.jit._pickle.restore_type_tag", PickledObjects::tagged);

  private PickledObjects() {}

  /**
   * What a global name stands for.
   *
   * @throws FormatException if it is none of the few
   */
  static Object global(Path file, String module, String name) {
    String full = module + "." + name;
    Function function = FUNCTIONS.get(full);
    if (function != null) {
      return function;
    }
    Optional<PytorchStorage.Type> storage =
        module.equals("torch") ? PytorchStorage.typeOf(name) : Optional.empty();
    return storage.orElseThrow(() ->
        new FormatException(
            file,
            "asks for the global '%s'; only tensors and plain values are read. If you trust the file, %s"
                .formatted(full, CONVERT)));
  }

  /** The storage a persistent id names: ("storage", type, key, location, elements). */
  static PytorchStorage storage(Path file, @Nullable Object id) {
    if (id instanceof Object[] parts
        && parts.length == 5
        && "storage".equals(parts[0])
        && parts[1] instanceof PytorchStorage.Type type
        && parts[2] instanceof String key
        && parts[3] instanceof String
        && isInteger(parts[4])) {
      return new PytorchStorage(type, key, ((Number) parts[4]).longValue());
    }
    throw new FormatException(file, "refers to something that is not a storage of torch.save");
  }

  /** State that torch sets on a dict: the versions of its modules, which are not needed. */
  static void requireStateOfDict(Path file, @Nullable Object target, @Nullable Object state) {
    boolean versions =
        state instanceof Map<?, ?> map && Set.of("_metadata").containsAll(map.keySet());
    if (!(target instanceof LinkedHashMap) || !versions) {
      throw new FormatException(file, "sets attributes of an object; a state dict has none");
    }
  }

  private static Object orderedDict(Path file, @Nullable Object[] arguments) {
    if (arguments.length != 0) {
      throw new FormatException(file, "makes an OrderedDict of something; torch makes empty ones");
    }
    return new LinkedHashMap<@Nullable Object, @Nullable Object>();
  }

  // (storage, offset, sizes, strides, requires_grad, backward_hooks[, metadata])
  private static Object tensor(Path file, @Nullable Object[] arguments) {
    if ((arguments.length == 6 || arguments.length == 7)
        && arguments[0] instanceof PytorchStorage storage
        && isInteger(arguments[1])
        && arguments[4] instanceof Boolean
        && isEmptyDict(arguments[5])
        && (arguments.length == 6 || arguments[6] == null || isEmptyDict(arguments[6]))) {
      try {
        return new PytorchTensor(
            storage,
            ((Number) java.util.Objects.requireNonNull(arguments[1])).longValue(),
            integers(file, arguments[2]),
            integers(file, arguments[3]));
      } catch (IllegalArgumentException e) {
        throw new FormatException(file, "has a tensor with " + e.getMessage(), e);
      }
    }
    throw new FormatException(
        file,
        "has a tensor with hooks, a view of complex numbers, or other than torch.save's form");
  }

  // (data, requires_grad, backward_hooks)
  private static Object parameter(Path file, @Nullable Object[] arguments) {
    if (arguments.length == 3
        && arguments[0] instanceof PytorchTensor tensor
        && arguments[1] instanceof Boolean
        && isEmptyDict(arguments[2])) {
      return tensor;
    }
    throw new FormatException(file, "has a parameter with hooks or other than torch.save's form");
  }

  // (value, type): what LibTorch puts around a dict; the type is only of use to TorchScript.
  private static Object tagged(Path file, @Nullable Object[] arguments) {
    if (arguments.length == 2
        && arguments[0] instanceof Map<?, ?> dict
        && arguments[1] instanceof String) {
      return dict;
    }
    throw new FormatException(file, "has a type tag around something that is no dict");
  }

  private static List<Long> integers(Path file, @Nullable Object tuple) {
    List<Long> values = new ArrayList<>();
    if (tuple instanceof Object[] items && items.length <= PytorchTensor.MOST_DIMENSIONS) {
      for (Object item : items) {
        if (!isInteger(item)) {
          throw new FormatException(file, "has a tensor whose sizes are not integers");
        }
        values.add(((Number) item).longValue());
      }
      return values;
    }
    throw new FormatException(
        file,
        "has a tensor whose sizes are not a tuple of at most %d integers"
            .formatted(PytorchTensor.MOST_DIMENSIONS));
  }

  private static boolean isInteger(@Nullable Object value) {
    return value instanceof Integer || value instanceof Long;
  }

  private static boolean isEmptyDict(@Nullable Object value) {
    return value instanceof Map<?, ?> map && map.isEmpty();
  }
}
