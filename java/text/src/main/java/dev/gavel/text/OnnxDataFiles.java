package dev.gavel.text;

import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The files beside an ONNX graph that hold its numbers ("external data"): exports of more than 2
 * GiB must have some, and whoever names a file may name any. Found by reading those fields of
 * {@code onnx.proto} that lead to tensors, wherever they stand: in the graph, in graphs and tensors
 * that are attributes of its nodes, and in its functions.
 */
final class OnnxDataFiles {
  // Names of torch and optimum have some twenty bytes.
  private static final int MOST_NAME_BYTES = 4096;
  // A file for each tensor, of which the largest models have some thousand.
  private static final int MOST_FILES = 1 << 16;
  // As deep as ONNX Runtime's own parser goes.
  private static final int DEEPEST = 100;

  // Fields of a TensorProto, and of an entry of its external data.
  private static final int EXTERNAL_DATA = 13;
  private static final int DATA_LOCATION = 14;
  private static final long EXTERNAL = 1;
  private static final int KEY = 1;
  private static final int VALUE = 2;

  private final ProtobufReader reader;
  private final TreeSet<String> names = new TreeSet<>();

  private OnnxDataFiles(ProtobufReader reader) {
    this.reader = reader;
  }

  private enum Message {
    MODEL,
    TRAINING,
    FUNCTION,
    GRAPH,
    NODE,
    ATTRIBUTE,
    SPARSE_TENSOR,
    TENSOR;

    /** The message in a field, where it may lead to tensors. */
    Optional<Message> at(int field) {
      return Optional.ofNullable(
          switch (this) {
            case MODEL ->
                switch (field) {
                  case 7 -> GRAPH;
                  case 20 -> TRAINING;
                  case 25 -> FUNCTION;
                  default -> null;
                };
            case TRAINING -> field == 1 || field == 2 ? GRAPH : null;
            case FUNCTION ->
                switch (field) {
                  case 7 -> NODE;
                  case 11 -> ATTRIBUTE;
                  default -> null;
                };
            case GRAPH ->
                switch (field) {
                  case 1 -> NODE;
                  case 5 -> TENSOR;
                  case 15 -> SPARSE_TENSOR;
                  default -> null;
                };
            case NODE -> field == 5 ? ATTRIBUTE : null;
            case ATTRIBUTE ->
                switch (field) {
                  case 5, 10 -> TENSOR;
                  case 6, 11 -> GRAPH;
                  case 22, 23 -> SPARSE_TENSOR;
                  default -> null;
                };
            case SPARSE_TENSOR -> field == 1 || field == 2 ? TENSOR : null;
            case TENSOR -> null;
          });
    }
  }

  /**
   * Finds them.
   *
   * @param graph the ONNX file
   * @return plain names of files in its folder, sorted; none where all numbers are in the graph
   * @throws FormatException if it is no ONNX file, or names one that is not in its folder
   * @throws FileException if it cannot be read
   */
  static List<String> of(Path graph) {
    try (ProtobufReader reader = ProtobufReader.open(graph)) {
      OnnxDataFiles files = new OnnxDataFiles(reader);
      files.read(Message.MODEL, reader.size(), 0);
      files.names.forEach(name -> requirePlain(graph, name));
      return List.copyOf(files.names);
    } catch (ProtobufReader.WrongBytesException e) {
      throw new FormatException(graph, "is no ONNX graph: it " + e.getMessage(), e);
    } catch (IOException e) {
      throw new FileException(graph, "cannot be read: " + SystemReason.reading(e), e);
    }
  }

  private static void requirePlain(Path graph, String name) {
    try {
      Path path = Path.of(name);
      boolean plain = path.getNameCount() == 1 && !path.isAbsolute() && !name.isEmpty();
      if (plain && !name.equals(".") && !name.equals("..") && !name.contains("/")) {
        return;
      }
    } catch (InvalidPathException e) {
      // Refused below, as every other name that is no file of the folder.
    }
    throw new FormatException(
        graph,
        "has numbers in the file '%s'; it must be a plain name of a file in the same folder"
            .formatted(Excerpt.of(name)));
  }

  private void read(Message message, long end, int depth)
      throws IOException, ProtobufReader.WrongBytesException {
    if (depth > DEEPEST) {
      throw new ProtobufReader.WrongBytesException(
          "nests deeper than %d messages".formatted(DEEPEST));
    }
    if (message == Message.TENSOR) {
      tensor(end);
      return;
    }
    while (reader.next(end)) {
      Optional<Message> inside =
          reader.hasContent() ? message.at(reader.field()) : Optional.empty();
      if (inside.isPresent()) {
        read(inside.get(), reader.position() + reader.value(), depth + 1);
      } else {
        reader.skipContent();
      }
    }
  }

  private void tensor(long end) throws IOException, ProtobufReader.WrongBytesException {
    Collection<String> named = new ArrayList<>();
    boolean external = false;
    while (reader.next(end)) {
      if (reader.field() == DATA_LOCATION && reader.isNumber()) {
        external = reader.value() == EXTERNAL;
      } else if (reader.field() == EXTERNAL_DATA && reader.hasContent()) {
        entry(reader.position() + reader.value()).ifPresent(named::add);
      } else {
        reader.skipContent();
      }
    }
    if (external) {
      names.addAll(named);
      if (named.isEmpty() || names.size() > MOST_FILES) {
        throw new ProtobufReader.WrongBytesException(
            "has a tensor whose numbers are in another file, and names %d files for it, %d for all"
                .formatted(named.size(), names.size()));
      }
    }
  }

  /** The file that an entry names, where it is the one that does. */
  private Optional<String> entry(long end) throws IOException, ProtobufReader.WrongBytesException {
    String key = "";
    String value = "";
    while (reader.next(end)) {
      if (reader.field() == KEY && reader.hasContent()) {
        key = reader.text(MOST_NAME_BYTES);
      } else if (reader.field() == VALUE && reader.hasContent()) {
        value = reader.text(MOST_NAME_BYTES);
      } else {
        reader.skipContent();
      }
    }
    return key.equals("location") ? Optional.of(value) : Optional.empty();
  }
}
