package dev.gavel.text;

import dev.gavel.Context;
import dev.gavel.Device;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.RewardHead;
import dev.gavel.aggregation.StepReduction;
import dev.gavel.checkpoint.GateRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A reward model: scores the responses of a prompt, from text.
 *
 * <p>Many threads may score with one at once. In layout JOINT the responses of a prompt are judged
 * in one forward pass, as in "You Only Judge Once" (arXiv 2604.10966), or in several where the
 * context is too short; in layout INDEPENDENT each is judged alone, or in one sequence with a
 * shared prompt where the backbone's graph keeps them apart ({@link Backbone#longestShared}).
 */
public final class RewardModel implements AutoCloseable {
  private final ModelConfig config;
  private final Options options;
  private final HeadReading reading;
  private final TextBackbone text;
  private final Context context;
  private final ScoringHead head;
  private final Layout layout;
  private final TokenBudget budget;
  private final Optional<StepReduction> stepReduction;
  private final UseCount uses;

  private RewardModel(
      ModelLoader.Parts parts, Options options, Optional<StepReduction> stepReduction) {
    this.config = parts.found().config();
    this.options = options;
    this.uses = new UseCount("model " + config.name());
    this.reading = parts.found().reading();
    this.text = parts.text();
    this.context = parts.context();
    this.head =
        stepReduction
            .map(reduction -> StepScores.head(config.name(), parts.head(), reduction))
            .orElseGet(parts::head);
    this.layout = options.layout().orElseGet(config::layoutValue);
    this.budget = options.apply(config.budget());
    this.stepReduction = stepReduction;
  }

  /**
   * How to run a model.
   *
   * @param device where the head runs
   * @param threads threads of the backbone and of the head, each
   * @param batchTokens most tokens of sequences of the same length that go through the backbone
   *     together
   * @param layout instead of the model's own
   * @param promptTokens most tokens kept of a prompt, instead of the model's own
   * @param responseTokens most tokens kept of a response, instead of the model's own
   * @param choices what the files of some models do not say
   */
  public record Options(
      Device device,
      int threads,
      int batchTokens,
      Optional<Layout> layout,
      Optional<Integer> promptTokens,
      Optional<Integer> responseTokens,
      ModelChoices choices) {
    /** The CPU with all its threads, and the model's own layout and budget. */
    public static Options defaults() {
      OnnxBackbone.Options backbone = OnnxBackbone.Options.defaults();
      return new Options(
          Device.cpu(),
          backbone.threads(),
          backbone.batchTokens(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          ModelChoices.none());
    }

    /** The same in this layout. */
    public Options withLayout(Layout newLayout) {
      return new Options(
          device,
          threads,
          batchTokens,
          Optional.of(newLayout),
          promptTokens,
          responseTokens,
          choices);
    }

    /** The same with these choices. */
    public Options withChoices(ModelChoices newChoices) {
      return new Options(
          device, threads, batchTokens, layout, promptTokens, responseTokens, newChoices);
    }

    /** The same for a process reward model. */
    public Options withStepReduction(StepReduction reduction) {
      return withChoices(choices.withStepReduction(reduction));
    }

    TokenBudget apply(TokenBudget own) {
      TokenBudget prompted = promptTokens.map(own::withPrompt).orElse(own);
      return responseTokens.map(prompted::withResponse).orElse(prompted);
    }

    OnnxBackbone.Options backbone() {
      return new OnnxBackbone.Options(threads, batchTokens);
    }
  }

  /** Loads a model with {@link Options#defaults()}. */
  public static RewardModel load(String nameOrFolder) {
    return load(nameOrFolder, Options.defaults());
  }

  /**
   * Loads a model.
   *
   * @param nameOrFolder {@code default}, the model that comes with this library, a model folder
   *     (docs/model-folder.md), or the Hugging Face folder of a published model with its backbone
   *     exported beside it as {@code model.onnx} (docs/checkpoints.md)
   * @throws FormatException if a file of the folder is not what it should be, or files do not fit
   *     together
   * @throws dev.gavel.UnsupportedException if it is a published model of a kind that cannot be run
   *     here; the message says why
   */
  public static RewardModel load(String nameOrFolder, Options options) {
    ModelLoader.Parts parts = ModelLoader.open(nameOrFolder, options);
    try {
      return new RewardModel(
          parts,
          options,
          StepScores.reduction(
              parts.found().config().name(), options, parts.found().reading().rows()));
    } catch (RuntimeException e) {
      parts.close();
      throw e;
    }
  }

  /** {@link #score(Prompt, List)} of a prompt that is one text. */
  public GroupScore score(String prompt, List<String> responses) {
    return score(Prompt.text(prompt), responses);
  }

  /**
   * Scores the responses of a prompt.
   *
   * @throws InvalidArgumentException if a text cannot be scored; the message says which and why
   */
  public GroupScore score(Prompt prompt, List<String> responses) {
    return uses.during(() -> scoreAll(List.of(tokenize(prompt, responses)))).getFirst();
  }

  /**
   * Tokenises and packs a group without scoring it, so that what cannot be scored is known before
   * several groups are scored together.
   *
   * @throws InvalidArgumentException if a text cannot be scored; the message says which and why
   */
  public TextBackbone.Tokenized prepare(Prompt prompt, List<String> responses) {
    return uses.during(() -> tokenize(prompt, responses));
  }

  private TextBackbone.Tokenized tokenize(Prompt prompt, List<String> responses) {
    if (scoresSteps()) {
      throw new InvalidArgumentException(
          "the responses are texts, and model %s scores the steps of a response; give each response as the list of its steps"
              .formatted(config.name()));
    }
    return text.tokenize(layout, budget, prompt, responses);
  }

  /**
   * Scores responses step by step; the score of a response is the reduction of its steps' scores,
   * or of their logits where it {@linkplain StepReduction#needsLogits needs them}.
   *
   * @param responses steps of each, in order
   * @throws InvalidArgumentException if the model scores responses whole, or a step cannot be
   *     scored; the message says which and why
   */
  public GroupScore scoreSteps(Prompt prompt, List<List<String>> responses) {
    return uses.during(() -> scoreAll(List.of(tokenizeSteps(prompt, responses)))).getFirst();
  }

  /**
   * {@link #prepare} of responses that are lists of steps.
   *
   * @throws InvalidArgumentException if the model scores responses whole, or a step cannot be
   *     scored; the message says which and why
   */
  public TextBackbone.Tokenized prepareSteps(Prompt prompt, List<List<String>> responses) {
    return uses.during(() -> tokenizeSteps(prompt, responses));
  }

  private TextBackbone.Tokenized tokenizeSteps(Prompt prompt, List<List<String>> responses) {
    if (!scoresSteps()) {
      throw new InvalidArgumentException(
          "the responses are lists of steps, and model %s gives one score per response; give each response as one text"
              .formatted(config.name()));
    }
    return text.tokenizeSteps(budget, prompt, responses);
  }

  /** Whether it is a process reward model, which scores every step of a response. */
  public boolean scoresSteps() {
    return stepReduction.isPresent();
  }

  /**
   * Scores groups together: sequences of the same length go through the backbone at once. Scores
   * have the same bits as one by one where the backbone is {@link Backbone#invariant()}.
   *
   * @param groups what {@link #prepare} of this model made
   * @return one per group, in order
   */
  public List<GroupScore> score(List<TextBackbone.Tokenized> groups) {
    return uses.during(() -> scoreAll(groups));
  }

  private List<GroupScore> scoreAll(List<TextBackbone.Tokenized> groups) {
    if (groups.isEmpty()) {
      return List.of();
    }
    List<Float> values =
        text.run(groups.stream().map(TextBackbone.Tokenized::packed).toList(), head::values);
    List<GroupScore> results = new ArrayList<>();
    int from = 0;
    for (TextBackbone.Tokenized group : groups) {
      int to = from + width() * group.packed().scores();
      results.add(groupScore(group, values.subList(from, to)));
      from = to;
    }
    return List.copyOf(results);
  }

  /**
   * Hidden states of sequences of {@link #prepare prepared} groups, in any order and of any groups.
   *
   * @param sequences at least one
   * @return for {@link #score(HiddenBatch)}; the caller's to close
   */
  public HiddenBatch hidden(List<PackedGroup.Sequence> sequences) {
    return uses.during(() -> text.hidden(layout, sequences));
  }

  /**
   * Scores the responses of sequences; their bits do not depend on what else is in the batch.
   *
   * @return {@link #width} numbers per response, or step, of each sequence, in order, as {@link
   *     #outputs} says
   */
  public List<Float> score(HiddenBatch hidden) {
    return uses.during(() -> head.values(hidden.batch()));
  }

  /** Numbers per response, or step. */
  public int width() {
    return outputs().width();
  }

  /** What its head gives for a response, or a step. */
  public HeadOutputs outputs() {
    return head.outputs();
  }

  /** Names of the head's objectives, in order; none where it gives nothing but a score. */
  public List<String> objectives() {
    return outputs().objectives();
  }

  /**
   * A group's result, from what the head gave for its responses.
   *
   * @param group what {@link #prepare} of this model made
   * @param values {@link #width} numbers per response, or per step, in order
   */
  public GroupScore groupScore(TextBackbone.Tokenized group, List<Float> values) {
    PackedGroup packed = group.packed();
    List<Float> scores = outputs().scores(values);
    List<List<Float>> steps = StepScores.byResponse(scores, packed.steps());
    return new GroupScore(
        stepReduction
            .map(reduction -> StepScores.reduced(reduction, reducedFrom(steps, group, values)))
            .orElse(scores),
        outputs().scoreSpread(values),
        steps,
        outputs().objectives(values),
        packed.layout(),
        packed.sequences().size(),
        packed.sharedTokens(),
        packed.responseTokens(),
        packed.responseCut(),
        packed.promptTokens(),
        packed.promptCut(),
        group.specialLiterals(),
        config.readout().kind(),
        text.template());
  }

  /** What the score of a response is made of: the scores of its steps, or their logits. */
  private List<List<Float>> reducedFrom(
      List<List<Float>> steps, TextBackbone.Tokenized group, List<Float> values) {
    return outputs().logits()
        ? StepScores.byResponse(outputs().logits(values), group.packed().steps())
        : steps;
  }

  /** The configuration it was loaded from. */
  public ModelConfig config() {
    return config;
  }

  /** How it runs. */
  public Options options() {
    return options;
  }

  /** The layout in use. */
  public Layout layout() {
    return layout;
  }

  /** The budget in use. */
  public TokenBudget budget() {
    return budget;
  }

  /** How rows become a vector. */
  public Pooling pooling() {
    return head.pooling();
  }

  /** Where its gate is read; empty without one. */
  public Optional<GateRows> gateRows() {
    return reading.gate();
  }

  /** Which rows of a sequence a vector of a response is made of, in words. */
  public String rowsRead() {
    return reading.described();
  }

  /** The context its head runs on. */
  public Context context() {
    return context;
  }

  /** The chat template as rows report it: its file and the start of its hash, or "none". */
  public String template() {
    return text.template();
  }

  /** Its reward head. */
  public RewardHead head() {
    return head.head();
  }

  /** Its backbone with tokenizer. */
  public TextBackbone text() {
    return text;
  }

  /**
   * Frees its memory; calls afterwards throw {@link IllegalStateException}. Closing again does
   * nothing.
   *
   * @throws IllegalStateException while a call of another thread runs; the model stays as it was,
   *     unless it is a call of {@link #text()} alone: then closing again frees what is left
   */
  @Override
  public void close() {
    uses.close();
    text.close();
    head.close();
    context.close();
  }
}
