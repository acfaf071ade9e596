package dev.gavel.text;

import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import java.nio.file.Path;
import java.util.List;

/**
 * A backbone with its tokenizer and its template: from a prompt and its responses to hidden states
 * with the rows of every response. What a reward model and its training share. Many threads may use
 * one.
 */
public final class TextBackbone implements AutoCloseable {
  private final Tokenizer tokenizer;
  private final Backbone backbone;
  private final TemplateUse template;
  private final Reading reading;

  private TextBackbone(
      Tokenizer tokenizer, Backbone backbone, TemplateUse template, Reading reading) {
    this.tokenizer = tokenizer;
    this.backbone = backbone;
    this.template = template;
    this.reading = reading;
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
    return open(config, folder, options, Reading.RESPONSE);
  }

  /** Opens what a configuration names, for a head that reads these rows. */
  static TextBackbone open(
      ModelConfig config, Path folder, OnnxBackbone.Options options, Reading reading) {
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
      TemplateUse template = TemplateUse.open(config, folder, tokenizer);
      Backbone backbone =
          builtIn
              ? BuiltInModel.backbone(options)
              : OnnxBackbone.load(ModelFiles.inside(folder, config.backbone()), options);
      return new TextBackbone(tokenizer, backbone, template, reading);
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  /** {@link #tokenize(Layout, TokenBudget, Prompt, List)} of a prompt that is one text. */
  public Tokenized tokenize(
      Layout layout, TokenBudget budget, String prompt, List<String> responses) {
    return tokenize(layout, budget, Prompt.text(prompt), responses);
  }

  /**
   * Tokenises a group and packs it.
   *
   * @throws InvalidArgumentException if a text cannot be tokenised or the group cannot be packed;
   *     the message names the response
   */
  public Tokenized tokenize(
      Layout layout, TokenBudget budget, Prompt prompt, List<String> responses) {
    int literals = 0;
    for (String text : texts(prompt)) {
      literals += tokenizer.specialLiterals("the prompt", text);
    }
    for (int i = 0; i < responses.size(); i++) {
      literals += tokenizer.specialLiterals("response " + i, responses.get(i));
    }
    GroupPacker packer = new GroupPacker(tokenizer, template.framing(prompt), budget);
    return new Tokenized(packer.pack(layout, responses), literals);
  }

  private static List<String> texts(Prompt prompt) {
    return switch (prompt) {
      case Prompt.Text(String text) -> List.of(text);
      case Prompt.Messages(List<ChatMessage> messages) ->
          messages.stream().map(ChatMessage::content).toList();
    };
  }

  /** {@link #run(List, BatchUse)} of one group. */
  public <T> T run(PackedGroup group, BatchUse<T> use) {
    return run(List.of(group), use);
  }

  /**
   * Runs the backbone on groups.
   *
   * @param groups in order, at least one, all of one layout
   * @param use what to do with the hidden states, which are freed afterwards
   */
  public <T> T run(List<PackedGroup> groups, BatchUse<T> use) {
    List<Tokens> sequences =
        groups.stream()
            .flatMap(group -> group.sequences().stream())
            .map(PackedGroup.Sequence::ids)
            .toList();
    long rows = sequences.stream().mapToLong(Tokens::size).sum();
    int responses = groups.stream().mapToInt(group -> group.responseTokens().size()).sum();
    try (HostTensor hidden = HostTensor.allocate(DType.F32, rows, backbone.width())) {
      backbone.run(sequences, hidden);
      try (PackedBatch batch =
          PackedBatch.allocate(groups.getFirst().layout(), hidden, responses)) {
        for (PackedGroup group : groups) {
          batch.group();
          for (PackedGroup.Sequence sequence : group.sequences()) {
            int tokens = sequence.ids().size();
            batch.sequence(tokens).responses(reading.spans(sequence.spans(), tokens));
          }
        }
        return use.apply(batch.seal());
      }
    }
  }

  /**
   * Runs the backbone on sequences, whatever groups they are of.
   *
   * @param layout the layout of all of them
   * @param sequences at least one
   * @return the caller's to close
   */
  public HiddenBatch hidden(Layout layout, List<PackedGroup.Sequence> sequences) {
    List<Tokens> ids = sequences.stream().map(PackedGroup.Sequence::ids).toList();
    long rows = ids.stream().mapToLong(Tokens::size).sum();
    int responses = sequences.stream().mapToInt(sequence -> sequence.spans().size()).sum();
    HostTensor hidden = HostTensor.allocate(DType.F32, rows, backbone.width());
    try {
      backbone.run(ids, hidden);
      PackedBatch batch = PackedBatch.allocate(layout, hidden, responses);
      try {
        for (PackedGroup.Sequence sequence : sequences) {
          int tokens = sequence.ids().size();
          batch.group().sequence(tokens).responses(reading.spans(sequence.spans(), tokens));
        }
        return new HiddenBatch(hidden, batch.seal());
      } catch (RuntimeException e) {
        batch.close();
        throw e;
      }
    } catch (RuntimeException e) {
      hidden.close();
      throw e;
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

  /** The chat template as rows report it: its file and the start of its hash, or "none". */
  public String template() {
    return template.description();
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
}
