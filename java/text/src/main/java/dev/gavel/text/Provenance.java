package dev.gavel.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OrtEnvironment;
import dev.gavel.GavelException;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;

/**
 * What scores of this library come from besides the native library: for {@code gavel doctor} and
 * for bug reports.
 *
 * @param onnxRuntime version of ONNX Runtime
 * @param tokenizers version of the tokenizer library
 * @param parts files of the default model
 */
public record Provenance(String onnxRuntime, String tokenizers, List<Part> parts) {
  /** Copies the list. */
  public Provenance {
    parts = List.copyOf(parts);
  }

  /**
   * A file of the default model.
   *
   * @param name for instance {@code model.safetensors}
   * @param bytes its length
   * @param sha256 hash of its content
   */
  public record Part(String name, long bytes, String sha256) {}

  /**
   * Looks.
   *
   * @throws GavelException if a file of the default model is not there
   */
  public static Provenance collect() {
    ModelConfig config =
        ModelConfig.parse(
            ModelFiles.resource(ModelConfig.FILE),
            java.nio.file.Path.of(ModelFiles.DEFAULT, ModelConfig.FILE));
    return new Provenance(
        OrtEnvironment.getEnvironment().getVersion(),
        tokenizersVersion(),
        List.of(
            part(ModelConfig.FILE, ModelFiles.resource(ModelConfig.FILE)),
            part(config.head(), ModelFiles.resource(config.head())),
            part("backbone " + BuiltInModel.NAME, BuiltInModel.graph()),
            part("tokenizer " + BuiltInModel.NAME, BuiltInModel.tokenizerJson())));
  }

  // The library's manifest has no version; its list of native files has one.
  private static String tokenizersVersion() {
    Properties properties = new Properties();
    try (InputStream in =
        HuggingFaceTokenizer.class.getResourceAsStream("/native/lib/tokenizers.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new GavelException("the tokenizer library's version cannot be read: " + e, e);
    }
    return properties.getProperty("version", "unknown");
  }

  private static Part part(String name, byte[] content) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(content);
      return new Part(name, content.length, HexFormat.of().formatHex(hash));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
