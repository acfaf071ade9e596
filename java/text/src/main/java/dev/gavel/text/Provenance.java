package dev.gavel.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.gavel.FileException;
import dev.gavel.GavelException;
import dev.gavel.message.SystemReason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
   * What a file of a model is.
   *
   * <p>A published folder may have its head in several files, and its chat template in its
   * tokenizer configuration: then that is one file, {@link #CHAT_TEMPLATE}.
   */
  public enum Role {
    /** What the model is made of, and how it is run. */
    CONFIGURATION,
    /** What turns hidden states into scores. */
    HEAD,
    /** What turns tokens into hidden states. */
    BACKBONE,
    /** Numbers of the backbone that its graph has in a file of their own. */
    BACKBONE_DATA,
    /** What turns texts into tokens. */
    TOKENIZER,
    /** What a prompt and its responses are written into. */
    CHAT_TEMPLATE,
    /** Names of special tokens, and settings of the tokenizer. */
    TOKENIZER_CONFIGURATION
  }

  /**
   * A file of a model.
   *
   * @param role what it is
   * @param name for instance {@code model.safetensors}
   * @param bytes its length
   * @param sha256 hash of its content
   */
  public record Part(Role role, String name, long bytes, String sha256) {}

  /**
   * All files of a model that are read, each once: two models with the same files give the same
   * scores.
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
    Listing listing = listing(folder, choices);
    List<Part> parts = new ArrayList<>();
    if (listing.config().backbone().equals(ModelConfig.BUILT_IN)) {
      parts.add(BuiltInModel.graphPart());
    }
    if (listing.config().tokenizer().equals(ModelConfig.BUILT_IN)) {
      parts.add(builtInTokenizer());
    }
    listing.files().forEach((name, role) -> parts.add(part(folder, name, role)));
    return List.copyOf(parts);
  }

  /**
   * Where the files of {@link #parts(String, ModelChoices)} are, without reading all of them; none
   * of the default model, whose files are in the library.
   */
  public static List<Path> files(String nameOrFolder, ModelChoices choices) {
    if (nameOrFolder.equals(ModelFiles.DEFAULT)) {
      return List.of();
    }
    Path folder = Path.of(nameOrFolder);
    return listing(folder, choices).files().keySet().stream()
        .map(name -> ModelFiles.inside(folder, name))
        .toList();
  }

  /** A model in a folder: its configuration, and its files by name. */
  private record Listing(ModelConfig config, Map<String, Role> files) {}

  private static Listing listing(Path folder, ModelChoices choices) {
    Path file = folder.resolve(ModelConfig.FILE);
    byte[] content = ModelFiles.read(file, ModelConfig.MOST_BYTES);
    Map<String, Role> files = new LinkedHashMap<>();
    files.put(ModelConfig.FILE, Role.CONFIGURATION);
    ModelConfig config;
    if (PublishedFolder.is(content)) {
      PublishedFolder published = PublishedFolder.read(folder, content, choices);
      config = published.config();
      for (Path read : published.checkpoint().files()) {
        files.putIfAbsent(read.getFileName().toString(), Role.HEAD);
      }
      files.put(TokenizerTexts.CONFIG, Role.TOKENIZER_CONFIGURATION);
    } else {
      config = ModelConfig.parse(content, file);
      files.put(config.head(), Role.HEAD);
    }
    if (!config.backbone().equals(ModelConfig.BUILT_IN)) {
      files.put(config.backbone(), Role.BACKBONE);
      for (String data : OnnxDataFiles.of(ModelFiles.inside(folder, config.backbone()))) {
        if (!data.equals(config.backbone())) {
          files.put(data, Role.BACKBONE_DATA);
        }
      }
    }
    if (!config.tokenizer().equals(ModelConfig.BUILT_IN)) {
      files.put(config.tokenizer(), Role.TOKENIZER);
    }
    String template = config.chatTemplate().file();
    if (!template.isEmpty() && !template.equals(BuiltInModel.PLAIN_TEMPLATE)) {
      files.put(template, Role.CHAT_TEMPLATE);
    }
    return new Listing(config, files);
  }

  private static Part builtInTokenizer() {
    return part(Role.TOKENIZER, "tokenizer " + BuiltInModel.NAME, BuiltInModel.tokenizerJson());
  }

  private static Part part(Path folder, String name, Role role) {
    Path file = ModelFiles.inside(folder, name);
    ModelFiles.requireFile(file);
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
      throw new FileException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
    return new Part(role, name, bytes, HexFormat.of().formatHex(digest.digest()));
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
        part(Role.CONFIGURATION, ModelConfig.FILE, ModelFiles.resource(ModelConfig.FILE)),
        part(Role.HEAD, config.head(), ModelFiles.resource(config.head())),
        BuiltInModel.graphPart(),
        builtInTokenizer());
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

  static Part part(Role role, String name, byte[] content) {
    return new Part(role, name, content.length, HexFormat.of().formatHex(sha256().digest(content)));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
