package dev.gavel.text;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.Device;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.PackedBatch;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.ScoreBatch;
import dev.gavel.aggregation.StepReduction;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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
  private final TextBackbone text;
  private final Context context;
  private final RewardHead head;
  private final Layout layout;
  private final TokenBudget budget;
  private final Pooling pooling;
  private final Readout readout;
  private final Optional<StepReduction> stepReduction;

  private RewardModel(
      ModelConfig config,
      Options options,
      TextBackbone text,
      Context context,
      RewardHead head,
      Reading reading) {
    this.config = config;
    this.options = options;
    this.text = text;
    this.context = context;
    this.head = head;
    this.layout = options.layout().orElseGet(config::layoutValue);
    this.budget = options.apply(config.budget());
    this.pooling = config.poolingValue();
    this.readout = config.readoutValue();
    this.stepReduction = stepReduction(config, options, reading);
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
   * @param stepReduction how the scores of steps become the score of a response: needed by process
   *     reward models, refused by others; there is no default, since published code differs
   */
  public record Options(
      Device device,
      int threads,
      int batchTokens,
      Optional<Layout> layout,
      Optional<Integer> promptTokens,
      Optional<Integer> responseTokens,
      Optional<StepReduction> stepReduction) {
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
          Optional.empty());
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
          stepReduction);
    }

    /** The same for a process reward model. */
    public Options withStepReduction(StepReduction reduction) {
      return new Options(
          device,
          threads,
          batchTokens,
          layout,
          promptTokens,
          responseTokens,
          Optional.of(reduction));
    }

    TokenBudget apply(TokenBudget own) {
      TokenBudget prompted = promptTokens.map(own::withPrompt).orElse(own);
      return responseTokens.map(prompted::withResponse).orElse(prompted);
    }

    private OnnxBackbone.Options backbone() {
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
    return open(find(nameOrFolder), options);
  }

  /**
   * A model that was found and not loaded.
   *
   * @param config its configuration
   * @param folder where its files are
   * @param reading which rows its head reads
   * @param head loads its head
   */
  record Found(ModelConfig config, Path folder, Reading reading, HeadLoader head) {}

  /** Finds a model by its name or folder. */
  static Found find(String nameOrFolder) {
    if (nameOrFolder.equals(ModelFiles.DEFAULT)) {
      ModelConfig config =
          ModelConfig.parse(
              ModelFiles.resource(ModelConfig.FILE), Path.of(ModelFiles.DEFAULT, ModelConfig.FILE));
      return new Found(
          config,
          Path.of(ModelFiles.DEFAULT),
          Reading.RESPONSE,
          context ->
              ModelFiles.withResource(config.head(), file -> RewardHead.load(context, file)));
    }
    Path folder = folder(nameOrFolder);
    Path file = folder.resolve(ModelConfig.FILE);
    byte[] content = ModelFiles.read(file, ModelConfig.MOST_BYTES);
    if (PublishedFolder.is(content)) {
      PublishedFolder published = PublishedFolder.read(folder, content);
      // Hidden states are f32 here, and every number of a narrower head is one of f32, too.
      return new Found(
          published.config(),
          folder,
          published.reading(),
          context -> published.checkpoint().load(context, DType.F32));
    }
    ModelConfig config = ModelConfig.parse(content, file);
    return new Found(
        config,
        folder,
        Reading.RESPONSE,
        context -> RewardHead.load(context, ModelFiles.inside(folder, config.head())));
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
    return score(List.of(prepare(prompt, responses))).getFirst();
  }

  /**
   * Tokenises and packs a group without scoring it, so that what cannot be scored is known before
   * several groups are scored together.
   *
   * @throws InvalidArgumentException if a text cannot be scored; the message says which and why
   */
  public TextBackbone.Tokenized prepare(Prompt prompt, List<String> responses) {
    if (scoresSteps()) {
      throw new InvalidArgumentException(
          "the responses are texts, and model %s scores the steps of a response; give each response as the list of its steps"
              .formatted(config.name()));
    }
    return text.tokenize(layout, budget, prompt, responses);
  }

  /**
   * Scores responses step by step.
   *
   * @param responses steps of each, in order
   * @throws InvalidArgumentException if the model scores responses whole, or a step cannot be
   *     scored; the message says which and why
   */
  public GroupScore scoreSteps(Prompt prompt, List<List<String>> responses) {
    return score(List.of(prepareSteps(prompt, responses))).getFirst();
  }

  /**
   * {@link #prepare} of responses that are lists of steps.
   *
   * @throws InvalidArgumentException if the model scores responses whole, or a step cannot be
   *     scored; the message says which and why
   */
  public TextBackbone.Tokenized prepareSteps(Prompt prompt, List<List<String>> responses) {
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
    if (groups.isEmpty()) {
      return List.of();
    }
    List<Float> scores =
        text.run(groups.stream().map(TextBackbone.Tokenized::packed).toList(), this::scores);
    List<GroupScore> results = new ArrayList<>();
    int from = 0;
    for (TextBackbone.Tokenized group : groups) {
      int to = from + group.packed().scores();
      results.add(groupScore(group, scores.subList(from, to)));
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
    return text.hidden(layout, sequences);
  }

  /**
   * Scores the responses of sequences; their bits do not depend on what else is in the batch.
   *
   * @return one per response of each sequence, in order
   */
  public List<Float> score(HiddenBatch hidden) {
    return scores(hidden.batch());
  }

  private List<Float> scores(PackedBatch batch) {
    try (ScoreBatch into = ScoreBatch.allocate(head.spec(), readout, batch.responses())) {
      head.score(batch, pooling, readout, into);
      List<Float> values = new ArrayList<>();
      for (int i = 0; i < batch.responses(); i++) {
        values.add(into.score(i));
      }
      return values;
    }
  }

  /**
   * A group's result, from the scores of its responses.
   *
   * @param group what {@link #prepare} of this model made
   * @param scores one per response, or per step, in order
   */
  public GroupScore groupScore(TextBackbone.Tokenized group, List<Float> scores) {
    PackedGroup packed = group.packed();
    List<List<Float>> steps = new ArrayList<>();
    int from = 0;
    for (int count : packed.steps()) {
      steps.add(scores.subList(from, from + count));
      from += count;
    }
    return new GroupScore(
        stepReduction.map(reduction -> reduced(reduction, steps)).orElse(scores),
        steps,
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

  private static List<Float> reduced(StepReduction reduction, List<List<Float>> responses) {
    List<Float> scores = new ArrayList<>();
    for (List<Float> steps : responses) {
      double[] probabilities = steps.stream().mapToDouble(Float::doubleValue).toArray();
      boolean defined = Arrays.stream(probabilities).noneMatch(Double::isNaN);
      scores.add(
          defined ? (float) reduction.ofProbabilities(probabilities).orElseThrow() : Float.NaN);
    }
    return scores;
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
    return pooling;
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
    return head;
  }

  /** Its backbone with tokenizer. */
  public TextBackbone text() {
    return text;
  }

  @Override
  public void close() {
    head.close();
    context.close();
    text.close();
  }

  private static Path folder(String name) {
    try {
      Path folder = Path.of(name);
      if (Files.isDirectory(folder)) {
        return folder;
      }
    } catch (InvalidPathException e) {
      throw new InvalidArgumentException(
          "model is '%s'; that is no path: %s".formatted(Excerpt.of(name), e.getReason()));
    }
    throw new InvalidArgumentException(
        "model is '%s'; it must be 'default' or a model folder, and there is no such folder"
            .formatted(name));
  }

  /** Loads a head. */
  @FunctionalInterface
  interface HeadLoader {
    /** Loads it; the caller closes it. */
    RewardHead load(Context context);
  }

  private static RewardModel open(Found found, Options options) {
    ModelConfig config = found.config();
    Path folder = found.folder();
    Context.Options settings =
        Context.Options.defaults().withDevice(options.device()).withThreads(options.threads());
    Context context = Context.open(settings);
    try {
      RewardHead head = found.head().load(context);
      try {
        TextBackbone text = TextBackbone.open(config, folder, options.backbone(), found.reading());
        try {
          RewardModel model =
              new RewardModel(config, options, text, context, head, found.reading());
          model.checkFit(folder);
          return model;
        } catch (RuntimeException e) {
          text.close();
          throw e;
        }
      } catch (RuntimeException e) {
        head.close();
        throw e;
      }
    } catch (RuntimeException e) {
      context.close();
      throw e;
    }
  }

  private static Optional<StepReduction> stepReduction(
      ModelConfig config, Options options, Reading reading) {
    boolean steps = reading == Reading.STEPS;
    if (steps && options.stepReduction().isEmpty()) {
      throw new InvalidArgumentException(
          "model %s scores the steps of a response, and there is no step reduction to make one score of them; choose one of %s"
              .formatted(
                  config.name(), Arrays.toString(StepReduction.values()).toLowerCase(Locale.ROOT)));
    }
    if (!steps && options.stepReduction().isPresent()) {
      throw new InvalidArgumentException(
          "step reduction is %s, and model %s gives one score per response; leave it out"
              .formatted(options.stepReduction().get(), config.name()));
    }
    if (steps && options.layout().equals(Optional.of(Layout.JOINT))) {
      throw new InvalidArgumentException(
          "layout is joint and model %s judges the steps of one response at a time; use independent"
              .formatted(config.name()));
    }
    return options.stepReduction();
  }

  private void checkFit(Path folder) {
    long vector = pooling.vectorWidth(text.width());
    if (vector != head.spec().inputWidth()) {
      throw new FormatException(
          folder.resolve(config.head()),
          "takes vectors of %d; backbone %s with pooling %s gives %d"
              .formatted(
                  head.spec().inputWidth(),
                  text.backbone().description(),
                  config.pooling(),
                  vector));
    }
    requireOneScore(folder, config, head);
    if (layout == Layout.JOINT && !config.sequence().hasSeparator()) {
      throw new InvalidArgumentException(
          "layout is joint and model %s has no separator: it judges one response at a time; use independent"
              .formatted(config.name()));
    }
    if (budget.context() > config.context()) {
      throw new InvalidArgumentException(
          "context is %d tokens; the model has %d".formatted(budget.context(), config.context()));
    }
  }

  static void requireOneScore(Path folder, ModelConfig config, RewardHead head) {
    int outputs = head.spec().outputWidth();
    Readout readout = config.readoutValue();
    if (readout.scores(outputs) != 1) {
      throw new FormatException(
          folder.resolve(config.head()),
          "has %d outputs, which the readout %s makes %d scores of; a model gives one score per response"
              .formatted(outputs, config.readout().kind(), readout.scores(outputs)));
    }
  }
}
