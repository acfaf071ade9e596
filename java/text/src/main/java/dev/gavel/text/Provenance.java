package dev.gavel.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.gavel.FileException;
import dev.gavel.GavelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
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
   * Files of a model, in the order configuration, head, backbone, tokenizer, chat template: two
   * models with the same files give the same scores.
   *
   * @param nameOrFolder as {@link RewardModel#load(String)} takes it
   */
  public static List<Part> parts(String nameOrFolder) {
    return parts(nameOrFolder, ModelChoices.none());
  }

  /**
   * {@link #parts(String)} of a model that needs choices.
   *
   * @param choices as {@link RewardModel.Options} has them
   */
  public static List<Part> parts(String nameOrFolder, ModelChoices choices) {
    if (nameOrFolder.equals(ModelFiles.DEFAULT)) {
      return defaultParts();
    }
    Path folder = Path.of(nameOrFolder);
    Path file = folder.resolve(ModelConfig.FILE);
    byte[] content = ModelFiles.read(file, ModelConfig.MOST_BYTES);
    ModelConfig config =
        PublishedFolder.is(content)
            ? PublishedFolder.read(folder, content, choices).config()
            : ModelConfig.parse(content, file);
    List<Part> parts = new ArrayList<>();
    parts.add(part(folder, ModelConfig.FILE));
    parts.add(part(folder, config.head()));
    parts.add(
        config.backbone().equals(ModelConfig.BUILT_IN)
            ? part("backbone " + BuiltInModel.NAME, BuiltInModel.graph())
            : part(folder, config.backbone()));
    parts.add(
        config.tokenizer().equals(ModelConfig.BUILT_IN)
            ? part("tokenizer " + BuiltInModel.NAME, BuiltInModel.tokenizerJson())
            : part(folder, config.tokenizer()));
    String template = config.chatTemplate().file();
    if (!template.isEmpty() && !template.equals(BuiltInModel.PLAIN_TEMPLATE)) {
      parts.add(part(folder, template));
    }
    return List.copyOf(parts);
  }

  private static Part part(Path folder, String name) {
    Path file = ModelFiles.inside(folder, name);
    MessageDigest digest = sha256();
    long bytes = 0;
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      int count = in.read(buffer);
      while (count >= 0) {
        digest.update(buffer, 0, count);
        bytes += count;
        count = in.read(buffer);
      }
    } catch (IOException e) {
      throw new FileException(file, "cannot be read: " + e, e);
    }
    return new Part(name, bytes, HexFormat.of().formatHex(digest.digest()));
  }

  /**
   * Looks.
   *
   * @throws GavelException if a file of the default model is not there
   */
  public static Provenance collect() {
    return new Provenance(OnnxEnvironment.get().getVersion(), tokenizersVersion(), defaultParts());
  }

  private static List<Part> defaultParts() {
    ModelConfig config =
        ModelConfig.parse(
            ModelFiles.resource(ModelConfig.FILE), Path.of(ModelFiles.DEFAULT, ModelConfig.FILE));
    return List.of(
        part(ModelConfig.FILE, ModelFiles.resource(ModelConfig.FILE)),
        part(config.head(), ModelFiles.resource(config.head())),
        part("backbone " + BuiltInModel.NAME, BuiltInModel.graph()),
        part("tokenizer " + BuiltInModel.NAME, BuiltInModel.tokenizerJson()));
  }

  /** Version of the tokenizer library. */
  public static String tokenizersVersion() {
    // The library's manifest has no version; its list of native files has one.
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
    return new Part(name, content.length, HexFormat.of().formatHex(sha256().digest(content)));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
