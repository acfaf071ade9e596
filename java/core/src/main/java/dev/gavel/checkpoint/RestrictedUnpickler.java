package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import dev.gavel.GavelException;
import dev.gavel.message.Counted;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.razorvine.pickle.Opcodes;
import net.razorvine.pickle.Unpickler;
import org.jspecify.annotations.Nullable;

/**
 * Reads the pickle of a PyTorch state dict: tensors, dicts, lists, tuples, numbers and texts, and
 * refuses everything else by its name.
 *
 * <p>The pickle library reads the plain values. Every operation is let through by name first, so
 * nothing it does not need is ever reached; those that name, make or change objects, which the
 * library answers from a registry that the whole JVM shares, or by reflection, are answered here.
 * Lengths are checked against the bytes that are there before anything is allocated (ADR 11).
 */
final class RestrictedUnpickler extends Unpickler {
  // A pickle of a hundred thousand tensors has some four million.
  private static final int MOST_OPERATIONS = 1 << 23;
  private static final int LONGEST_NAME = 200;
  private static final int LONGEST_INTEGER = 8;

  private final Path file;
  private int operations;

  private RestrictedUnpickler(Path file) {
    this.file = file;
  }

  /**
   * Reads a pickle.
   *
   * @param file where it came from, for messages
   * @throws FormatException if it asks for anything but tensors and plain values, or is damaged
   */
  static @Nullable Object read(Path file, byte[] pickle) {
    RestrictedUnpickler unpickler = new RestrictedUnpickler(file);
    try (ByteArrayInputStream in = new ByteArrayInputStream(pickle)) {
      Object value = unpickler.load(in);
      if (in.available() > 0) {
        throw new FormatException(
            file,
            "has %s after the end of its pickle".formatted(Counted.of(in.available(), "byte")));
      }
      return value;
    } catch (GavelException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // The library answers a damaged pickle with whatever its stack or its casts throw.
      throw new FormatException(file, "has a pickle that cannot be read: " + e, e);
    }
  }

  @Override
  protected Object dispatch(short operation) throws IOException {
    operations++;
    if (operations > MOST_OPERATIONS) {
      throw new FormatException(
          file, "has a pickle of more than %d operations".formatted(MOST_OPERATIONS));
    }
    switch (operation) {
      case Opcodes.PROTO,
          Opcodes.FRAME,
          Opcodes.STOP,
          Opcodes.MARK,
          Opcodes.NONE,
          Opcodes.NEWTRUE,
          Opcodes.NEWFALSE,
          Opcodes.BININT,
          Opcodes.BININT1,
          Opcodes.BININT2,
          Opcodes.BINFLOAT,
          Opcodes.SHORT_BINUNICODE,
          Opcodes.EMPTY_TUPLE,
          Opcodes.TUPLE,
          Opcodes.TUPLE1,
          Opcodes.TUPLE2,
          Opcodes.TUPLE3,
          Opcodes.EMPTY_LIST,
          Opcodes.APPEND,
          Opcodes.APPENDS,
          Opcodes.EMPTY_DICT,
          Opcodes.BINGET,
          Opcodes.LONG_BINGET,
          Opcodes.BINPUT,
          Opcodes.LONG_BINPUT,
          Opcodes.MEMOIZE -> {}
      case Opcodes.BINUNICODE -> requireLength(Integer.BYTES, input.available());
      case Opcodes.BINUNICODE8 -> requireLength(Long.BYTES, input.available());
      case Opcodes.LONG1 -> requireLength(1, LONGEST_INTEGER);
      case Opcodes.GLOBAL -> {
        String module = line();
        return push(global(module, line()));
      }
      case Opcodes.STACK_GLOBAL -> {
        Object name = stack.pop();
        return push(global(String.valueOf(stack.pop()), String.valueOf(name)));
      }
      case Opcodes.REDUCE -> {
        Object arguments = stack.pop();
        return push(call(stack.pop(), arguments));
      }
      case Opcodes.BINPERSID -> {
        return push(PickledObjects.storage(file, stack.pop()));
      }
      case Opcodes.BUILD -> {
        Object state = stack.pop();
        PickledObjects.requireStateOfDict(file, stack.peek(), state);
        return NO_RETURN_VALUE;
      }
      case Opcodes.SETITEM -> {
        Object value = stack.pop();
        put(stack.pop(), value);
        return NO_RETURN_VALUE;
      }
      case Opcodes.SETITEMS -> {
        List<@Nullable Object> items = new ArrayList<>(stack.pop_all_since_marker());
        for (int i = 0; i + 1 < items.size(); i += 2) {
          put(items.get(i), items.get(i + 1));
        }
        return NO_RETURN_VALUE;
      }
      default ->
          throw new FormatException(
              file,
              "has a pickle with operation 0x%02x, which a state dict does not need; %s"
                  .formatted(operation, PickledObjects.CONVERT));
    }
    return super.dispatch(operation);
  }

  private Object push(Object value) {
    stack.add(value);
    return NO_RETURN_VALUE;
  }

  /** Puts into the dict on top of the stack. Keys that hold others could make hashing endless. */
  private void put(@Nullable Object key, @Nullable Object value) {
    if (!(key instanceof String || key instanceof Number || key instanceof Boolean)) {
      throw new FormatException(
          file, "has a dict with a key that is neither a text nor a number: " + kind(key));
    }
    if (!(stack.peek() instanceof HashMap)) {
      throw new FormatException(file, "sets a key of what is no dict: " + kind(stack.peek()));
    }
    @SuppressWarnings("unchecked") // Every map on the stack was made by this class or the library.
    Map<@Nullable Object, @Nullable Object> dict =
        (Map<@Nullable Object, @Nullable Object>) stack.peek();
    dict.put(key, value);
  }

  private Object global(String module, String name) {
    return PickledObjects.global(file, module, name);
  }

  private Object call(@Nullable Object callee, @Nullable Object arguments) {
    if (callee instanceof PickledObjects.Function function
        && arguments instanceof Object[] values) {
      return function.call(file, values);
    }
    throw new FormatException(file, "calls %s with %s".formatted(kind(callee), kind(arguments)));
  }

  private void requireLength(int bytes, long most) throws IOException {
    input.mark(bytes);
    byte[] raw = input.readNBytes(bytes);
    input.reset();
    if (raw.length < bytes) {
      throw new FormatException(file, "has a pickle that ends inside a length");
    }
    ByteBuffer little = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    long length = little.put(0, raw).getLong(0);
    if (length < 0 || length > most) {
      throw new FormatException(
          file,
          "announces %s bytes for one value of its pickle; there can be %d at most"
              .formatted(Long.toUnsignedString(length), most));
    }
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = input.read(); next != '\n'; next = input.read()) {
      if (next < 0 || line.length() == LONGEST_NAME) {
        throw new FormatException(file, "has a global name without an end: '%s'".formatted(line));
      }
      line.append((char) next);
    }
    return line.toString();
  }

  private static String kind(@Nullable Object value) {
    return value == null ? "None" : value.getClass().getSimpleName();
  }
}
