package dev.gavel.text;

import dev.gavel.DType;
import dev.gavel.FormatException;
import dev.gavel.HostTensor;
import dev.gavel.IndexRule;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.Spans;
import dev.gavel.TokenSequence;
import dev.gavel.checkpoint.GateRows;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * A backbone with its tokenizer and its template: from a prompt and its responses to hidden states
 * with the rows of every response. What a reward model and its training share. Many threads may use
 * one.
 */
public final class TextBackbone implements AutoCloseable {
  private final Tokenizer tokenizer;
  private final Backbone backbone;
  private final TemplateUse template;
  private final HeadReading reading;

  private TextBackbone(
      Tokenizer tokenizer, Backbone backbone, TemplateUse template, HeadReading reading) {
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
    try (BackboneLoading loading = BackboneLoading.begin(config, options)) {
      return open(config, folder, options, HeadReading.ofResponses(), loading);
    }
  }

  /**
   * Opens what a configuration names, for a head that reads sequences so.
   *
   * @param loading its backbone, which was begun with the same options; the caller closes it
   */
  static TextBackbone open(
      ModelConfig config,
      Path folder,
      OnnxBackbone.Options options,
      HeadReading reading,
      BackboneLoading loading) {
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
      TemplateUse template = TemplateUse.open(config, folder, tokenizer, reading);
      Backbone backbone =
          builtIn
              ? loading.takeBuiltIn()
              : OnnxBackbone.load(
                  ModelFiles.inside(folder, config.backbone()), typed(options, tokenizer, reading));
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
    int literals = literals(prompt);
    for (int i = 0; i < responses.size(); i++) {
      literals += tokenizer.specialLiterals("response " + i, responses.get(i));
    }
    GroupPacker packer = new GroupPacker(tokenizer, template.framing(prompt), budget);
    PackedGroup packed = packer.pack(layout, responses);
    PackedGroup located = packed.withSequences(located(packed.sequences()));
    return new Tokenized(layout == Layout.INDEPENDENT ? shared(located) : located, literals);
  }

  /**
   * Tokenises a group whose responses are lists of steps, each with a score of its own.
   *
   * @throws InvalidArgumentException if a step cannot be tokenised, or a response does not fit
   *     whole; the message names the response
   */
  Tokenized tokenizeSteps(TokenBudget budget, Prompt prompt, List<List<String>> responses) {
    int literals = literals(prompt);
    for (int i = 0; i < responses.size(); i++) {
      for (String step : responses.get(i)) {
        literals += tokenizer.specialLiterals("response " + i, step);
      }
    }
    GroupPacker packer = new GroupPacker(tokenizer, template.framing(prompt), budget);
    return new Tokenized(shared(packer.packSteps(responses)), literals);
  }

  private static OnnxBackbone.Options typed(
      OnnxBackbone.Options options, Tokenizer tokenizer, HeadReading reading) {
    return reading
        .secondTextAfter()
        .flatMap(tokenizer::id)
        .map(options::withSecondTextAfter)
        .orElse(options);
  }

  private List<PackedGroup.Sequence> located(List<PackedGroup.Sequence> sequences) {
    List<PackedGroup.Sequence> located = new ArrayList<>();
    for (int i = 0; i < sequences.size(); i++) {
      try {
        located.add(located(sequences.get(i)));
      } catch (InvalidArgumentException e) {
        throw new InvalidArgumentException("response %d: %s".formatted(i, e.getMessage()));
      }
    }
    return located;
  }

  /**
   * The sequence of one response with the rows at which the head and a gate look for it.
   *
   * @throws InvalidArgumentException if the gate's pattern of tokens is not there
   */
  PackedGroup.Sequence located(PackedGroup.Sequence sequence) {
    return withGate(
        reading.padding().map(padding -> beforePadding(sequence, padding)).orElse(sequence));
  }

  private static PackedGroup.Sequence beforePadding(PackedGroup.Sequence sequence, long padding) {
    TokenSequence tokens = TokenSequence.unpadded(sequence.ids().toArray(), 0);
    // Of nothing but padding transformers takes the first token.
    int last = Math.max(0, IndexRule.lastNonPadId(padding).spans(tokens).last(0));
    int first = Math.min(sequence.spans().first(0), last);
    return new PackedGroup.Sequence(sequence.ids(), Spans.of(new int[] {first}, new int[] {last}));
  }

  private PackedGroup.Sequence withGate(PackedGroup.Sequence sequence) {
    if (reading.gate().isEmpty()
        || !(reading.gate().get() instanceof GateRows.LastPattern(List<Long> pattern))) {
      return sequence;
    }
    IndexRule rule = IndexRule.lastPattern(pattern.stream().mapToLong(Long::longValue).toArray());
    TokenSequence tokens = TokenSequence.unpadded(sequence.ids().toArray(), 0);
    return sequence.withGateRows(List.of(rule.spans(tokens).last(0)));
  }

  // Heads that read other rows than the response's read some that would be shared.
  private PackedGroup shared(PackedGroup packed) {
    boolean ownRows = reading.rows() == Reading.RESPONSE || reading.rows() == Reading.STEPS;
    int longest = ownRows ? backbone.longestShared() : 0;
    return longest > 0 ? SharedPrompt.join(packed, longest) : packed;
  }

  private int literals(Prompt prompt) {
    int literals = 0;
    for (String text : texts(prompt)) {
      literals += tokenizer.specialLiterals("the prompt", text);
    }
    return literals;
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
    List<PackedGroup.Sequence> sequences =
        groups.stream().flatMap(group -> group.sequences().stream()).toList();
    long rows = rows(sequences);
    int responses = groups.stream().mapToInt(PackedGroup::scores).sum();
    try (HostTensor hidden = HostTensor.allocate(DType.F32, rows, backbone.width())) {
      run(sequences, hidden);
      try (PackedBatch batch =
          PackedBatch.allocate(
              inSequence(groups.getFirst().layout(), sequences), hidden, responses)) {
        for (PackedGroup group : groups) {
          batch.group();
          group.sequences().forEach(sequence -> add(batch, sequence));
        }
        return use.apply(sealed(batch, sequences));
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
    long rows = rows(sequences);
    int responses = sequences.stream().mapToInt(sequence -> sequence.spans().size()).sum();
    HostTensor hidden = HostTensor.allocate(DType.F32, rows, backbone.width());
    try {
      run(sequences, hidden);
      PackedBatch batch = PackedBatch.allocate(inSequence(layout, sequences), hidden, responses);
      try {
        for (PackedGroup.Sequence sequence : sequences) {
          add(batch.group(), sequence);
        }
        return new HiddenBatch(hidden, sealed(batch, sequences));
      } catch (RuntimeException e) {
        batch.close();
        throw e;
      }
    } catch (RuntimeException e) {
      hidden.close();
      throw e;
    }
  }

  private static long rows(List<PackedGroup.Sequence> sequences) {
    return sequences.stream().mapToLong(sequence -> sequence.ids().size()).sum();
  }

  private void run(List<PackedGroup.Sequence> sequences, HostTensor hidden) {
    backbone.run(
        sequences.stream().map(PackedGroup.Sequence::ids).toList(),
        sequences.stream().map(PackedGroup.Sequence::blocks).toList(),
        hidden);
  }

  // Steps follow one another in the sequence of their response, and responses in that of a shared
  // prompt, as responses do in layout JOINT.
  private Layout inSequence(Layout layout, List<PackedGroup.Sequence> sequences) {
    boolean several = sequences.stream().anyMatch(sequence -> !sequence.blocks().isNone());
    return several || reading.rows() == Reading.STEPS ? Layout.JOINT : layout;
  }

  private void add(PackedBatch batch, PackedGroup.Sequence sequence) {
    batch.sequence(sequence.ids().size()).responses(read(sequence));
  }

  private Spans read(PackedGroup.Sequence sequence) {
    return reading.rows().spans(sequence.spans(), sequence.ids().size());
  }

  private PackedBatch sealed(PackedBatch batch, List<PackedGroup.Sequence> sequences) {
    return reading
        .gate()
        .map(gate -> batch.gateRows(gateRows(gate, sequences)))
        .orElse(batch)
        .seal();
  }

  /** Rows counted from the first of all. */
  private long[] gateRows(GateRows gate, List<PackedGroup.Sequence> sequences) {
    LongStream.Builder rows = LongStream.builder();
    long start = 0;
    for (PackedGroup.Sequence sequence : sequences) {
      Spans spans = read(sequence);
      for (int i = 0; i < spans.size(); i++) {
        int row =
            switch (gate) {
              case GateRows.SameRow() -> spans.last(i);
              case GateRows.LastPattern _ -> sequence.gateRows().get(i);
            };
        rows.add(row == Spans.NONE ? Spans.NONE : start + row);
      }
      start += sequence.ids().size();
    }
    return rows.build().toArray();
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
