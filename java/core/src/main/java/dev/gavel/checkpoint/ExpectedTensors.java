package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The tensors a head must have, and the comparison with those that are there. A length that the
 * head chooses itself has a letter, and must be the same wherever the letter stands.
 */
final class ExpectedTensors {

  /** Which types a tensor may have. */
  enum Kind {
    /** F32, F16 or BF16, the same for all parameters of the head. */
    PARAMETER("float"),
    /** F32, F16 or BF16. */
    NUMBERS("float"),
    /** I64. */
    COUNT("I64");

    private final String text;

    Kind(String text) {
      this.text = text;
    }
  }

  private record Expected(Kind kind, List<String> shape) {
    @Override
    public String toString() {
      return kind.text + "[" + String.join(",", shape) + "]";
    }
  }

  private final Map<String, Expected> expected = new LinkedHashMap<>();
  private final Map<String, Long> letters = new LinkedHashMap<>();

  /**
   * Adds a tensor.
   *
   * @param shape lengths: numbers, or letters
   */
  void add(String name, Kind kind, Object... shape) {
    List<String> lengths = new ArrayList<>();
    for (Object length : shape) {
      lengths.add(String.valueOf(length));
    }
    expected.put(name, new Expected(kind, lengths));
  }

  /** Names of all. */
  Set<String> names() {
    return expected.keySet();
  }

  /** What a letter stands for, once {@link #check} has passed. */
  int size(String letter) {
    return Math.toIntExact(letters.get(letter));
  }

  /** Whether a tensor has this letter. */
  boolean knows(String letter) {
    return letters.containsKey(letter);
  }

  /**
   * Compares with what is there: every expected tensor, and every tensor that is not the
   * backbone's.
   *
   * @param head what the head is called
   * @return type and shape of every expected tensor
   * @throws FormatException with the difference, tensor by tensor
   */
  Map<String, TensorInfo> check(Facts facts, String head) {
    Set<String> all = new TreeSet<>(facts.headNames());
    all.addAll(expected.keySet());
    Map<String, TensorInfo> found = new LinkedHashMap<>();
    List<String> lines = new ArrayList<>();
    Optional<String> type = Optional.empty();
    for (String name : all) {
      Expected want = expected.get(name);
      if (!facts.has(name)) {
        lines.add(line(name, String.valueOf(want), "missing"));
        continue;
      }
      TensorInfo info = facts.tensors().describe(name);
      if (want == null) {
        lines.add(line(name, "nothing of this name", info.toString()));
        continue;
      }
      found.put(name, info);
      if (!matches(want, info)) {
        lines.add(line(name, print(want), info.toString()));
      } else if (want.kind() == Kind.PARAMETER) {
        String first = type.orElse(info.dtype());
        type = Optional.of(first);
        if (!first.equals(info.dtype())) {
          lines.add(line(name, first + " as the tensors above", info.toString()));
        }
      }
    }
    if (!lines.isEmpty()) {
      throw new FormatException(
          facts.folder(),
          "the tensors are not those of a head of the pattern '%s':%n%s%nNames that begin with %s are the backbone's and were passed over."
              .formatted(head, String.join(System.lineSeparator(), lines), Backbone.describe()));
    }
    return found;
  }

  private boolean matches(Expected want, TensorInfo info) {
    boolean type =
        want.kind() == Kind.COUNT
            ? info.dtype().equals("I64")
            : TensorTypes.parameter(info).isPresent();
    if (!type || want.shape().size() != info.shape().size()) {
      return false;
    }
    for (int i = 0; i < want.shape().size(); i++) {
      String length = want.shape().get(i);
      long there = info.shape().get(i);
      boolean letter = Character.isLetter(length.charAt(0));
      long needed = letter ? letters.computeIfAbsent(length, _ -> there) : Long.parseLong(length);
      if (there != needed || (letter && (there < 1 || there > Integer.MAX_VALUE))) {
        return false;
      }
    }
    return true;
  }

  /** The shape with the letters replaced that are known. */
  private String print(Expected want) {
    List<String> shape =
        want.shape().stream()
            .map(length ->
                letters.containsKey(length)
                    ? "%s=%d".formatted(length, letters.get(length))
                    : length)
            .toList();
    return new Expected(want.kind(), shape).toString();
  }

  private static String line(String name, String wanted, String found) {
    return "  %s: expected %s, found %s".formatted(name, wanted, found);
  }
}
