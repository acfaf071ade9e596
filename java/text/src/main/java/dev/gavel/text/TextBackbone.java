package dev.gavel.text;

import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A backbone with its tokenizer and its sequence template: from a prompt and its responses to
 * hidden states with the rows of every response. What a reward model and its training share. Many
 * threads may use one.
 */
public final class TextBackbone implements AutoCloseable {
  private final Tokenizer tokenizer;
  private final Backbone backbone;
  private final SequenceTemplate template;

  private TextBackbone(Tokenizer tokenizer, Backbone backbone, SequenceTemplate template) {
    this.tokenizer = tokenizer;
    this.backbone = backbone;
    this.template = template;
  }

  /**
   * A group as tokens.
   *
   * @param packed its sequences
   * @param specialLiterals literals of special tokens in its texts, read as plain text
   */
  public record Tokenized(PackedGroup packed, int specialLiterals) {}

  /** The built-in encoder all-MiniLM-L6-v2: H = 384, a context of 512 tokens. */
  public static TextBackbone builtIn(OnnxBackbone.Options options) {
    ModelConfig config =
        ModelConfig.builtIn(
            BuiltInModel.NAME,
            Layout.JOINT,
            dev.gavel.Pooling.spanMean(),
            TokenBudget.ofContext(BuiltInModel.CONTEXT));
    return open(config, Path.of(""), options);
  }

  /** Opens what a model folder's configuration names. */
  static TextBackbone open(ModelConfig config, Path folder, OnnxBackbone.Options options) {
    boolean builtIn = config.backbone().equals(ModelConfig.BUILT_IN);
    if (builtIn && config.context() > BuiltInModel.CONTEXT) {
      throw new FormatException(
          folder.resolve(ModelConfig.FILE),
          "has context %d; %s has %d positions"
              .formatted(config.context(), ModelConfig.BUILT_IN, BuiltInModel.CONTEXT));
    }
    Tokenizer tokenizer =
        config.tokenizer().equals(ModelConfig.BUILT_IN)
            ? BuiltInModel.tokenizer()
            : Tokenizer.load(ModelFiles.inside(folder, config.tokenizer()));
    try {
      SequenceTemplate template = template(config.sequence(), tokenizer, folder);
      Backbone backbone =
          builtIn
              ? BuiltInModel.backbone(options)
              : OnnxBackbone.load(ModelFiles.inside(folder, config.backbone()), options);
      return new TextBackbone(tokenizer, backbone, template);
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  /**
   * Tokenises a group and packs it.
   *
   * @throws InvalidArgumentException if a text cannot be tokenised or the group cannot be packed;
   *     the message names the response
   */
  public Tokenized tokenize(
      Layout layout, TokenBudget budget, String prompt, List<String> responses) {
    Tokenizer.Encoded encodedPrompt = encode("prompt", prompt);
    int literals = encodedPrompt.specialLiterals();
    List<Tokens> encoded = new ArrayList<>();
    for (int i = 0; i < responses.size(); i++) {
      Tokenizer.Encoded response = encode("response " + i, responses.get(i));
      encoded.add(response.ids());
      literals += response.specialLiterals();
    }
    return new Tokenized(
        PackedGroup.pack(layout, template, budget, encodedPrompt.ids(), encoded), literals);
  }

  /**
   * Runs the backbone on a group.
   *
   * @param use what to do with the hidden states, which are freed afterwards
   */
  public <T> T run(PackedGroup group, BatchUse<T> use) {
    List<Tokens> sequences = group.sequences().stream().map(PackedGroup.Sequence::ids).toList();
    try (HostTensor hidden =
        HostTensor.allocate(DType.F32, group.totalTokens(), backbone.width())) {
      backbone.run(sequences, hidden);
      try (PackedBatch batch =
          PackedBatch.allocate(group.layout(), hidden, group.responseTokens().size())) {
        batch.group();
        for (PackedGroup.Sequence sequence : group.sequences()) {
          batch.sequence(sequence.ids().size()).responses(sequence.spans());
        }
        return use.apply(batch.seal());
      }
    }
  }

  /**
   * What to do with a batch while it is open.
   *
   * @param <T> what comes out
   */
  @FunctionalInterface
  public interface BatchUse<T> {
    /** Uses the batch. */
    T apply(PackedBatch batch);
  }

  /** H, the width of a hidden state. */
  public int width() {
    return backbone.width();
  }

  /** The language model. */
  public Backbone backbone() {
    return backbone;
  }

  @Override
  public void close() {
    backbone.close();
    tokenizer.close();
  }

  private Tokenizer.Encoded encode(String what, String text) {
    try {
      return tokenizer.encode(text);
    } catch (InvalidArgumentException e) {
      throw new InvalidArgumentException("%s: %s".formatted(what, e.getMessage()));
    }
  }

  private static SequenceTemplate template(
      ModelConfig.SequenceConfig config, Tokenizer tokenizer, Path folder) {
    Tokens separator = tokenizer.encodeTemplate(config.separator());
    if (separator.size() != 1) {
      throw new FormatException(
          folder.resolve(ModelConfig.FILE),
          "has separator '%s', which is %d tokens; it must be exactly one, a special token of the tokenizer"
              .formatted(config.separator(), separator.size()));
    }
    return new SequenceTemplate(
        tokenizer.encodeTemplate(config.prefix()),
        tokenizer.encodeTemplate(config.afterPrompt()),
        tokenizer.encodeTemplate(config.beforeSeparator()),
        separator.id(0),
        tokenizer.encodeTemplate(config.afterSeparator()),
        tokenizer.encodeTemplate(config.suffix()),
        config.suffixEndsResponse());
  }
}
