package dev.gavel.checkpoint;

import dev.gavel.Context;
import dev.gavel.DType;
import dev.gavel.FileException;
import dev.gavel.FormatException;
import dev.gavel.HeadSpec;
import dev.gavel.HostTensor;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.RewardHead;
import dev.gavel.UnsupportedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * The head of a published reward model in a Hugging Face folder: what it is, how it is read, and
 * the way to load and to write it. Immutable; the folder is opened again where bytes are needed.
 *
 * <p>Of the folder only {@code config.json}, the names of tensors, and the head's own bytes are
 * read. A head whose tensors do not all match is refused with the difference: none is left random,
 * loaded in part, or ignored.
 */
public final class HeadCheckpoint {
  private final Path folder;
  private final Function<Facts, Plan> rule;
  private final Plan plan;
  private final Path headFile;
  private final List<Path> files;

  private HeadCheckpoint(Path folder, Function<Facts, Plan> rule) {
    this.folder = folder;
    this.rule = rule;
    Set<Path> read = new LinkedHashSet<>();
    try (TensorSource source = CheckpointFiles.open(folder)) {
      this.plan =
          rule.apply(
              Facts.of(folder, source, file -> read.add(folder.resolve(file.getFileName()))));
      this.files = List.copyOf(read);
      this.headFile = source.fileOf(plan.parts().getLast().tensor());
    }
  }

  /**
   * Recognises the head of a folder.
   *
   * @throws FileException if the folder or a file it needs is not there
   * @throws FormatException if a file is not what it should be, or the tensors are not those of a
   *     known pattern; the message lists what was expected and what was found
   * @throws PatternNeededException if it is a language model, which has no head of its own
   * @throws UnsupportedException if the pattern is known and needs a head or readout that this
   *     build has not; the message names it
   */
  public static HeadCheckpoint read(Path folder) {
    return new HeadCheckpoint(folder, facts -> PatternTable.find(facts).plan().apply(facts));
  }

  /**
   * Reads a folder as this pattern. Language models that are scored by rows of their output layer
   * can be read only so, since nothing in their files says it.
   *
   * @throws FormatException if the folder does not have the tensors of the pattern
   */
  public static HeadCheckpoint read(Path folder, HeadPattern pattern) {
    return new HeadCheckpoint(folder, PatternTable.of(pattern).plan());
  }

  /**
   * Reads a language model as scored by the logit of one token.
   *
   * @param token its id: a row of {@code lm_head.weight}, or of the embeddings where they are tied
   */
  public static HeadCheckpoint readVocabularyRow(Path folder, long token) {
    requireToken(token);
    return new HeadCheckpoint(
        folder, facts -> VocabularyHeads.row(facts, HeadPattern.NEMOTRON, token));
  }

  /**
   * Reads a language model as scored by the probability of one of two tokens: P(positive) =
   * sigmoid(z_positive - z_negative), with the difference of the two rows as one linear head in
   * f32, each weight rounded at most once.
   *
   * @param positive id of the token that says yes
   * @param negative id of the token that says no
   * @throws InvalidArgumentException if an id is negative, or both are the same
   */
  public static HeadCheckpoint readVocabularyRows(Path folder, long positive, long negative) {
    requireToken(positive);
    requireToken(negative);
    if (positive == negative) {
      throw new InvalidArgumentException(
          "token id %d stands for yes and for no; every score would be 1/2: give two"
              .formatted(positive));
    }
    return new HeadCheckpoint(
        folder,
        facts -> VocabularyHeads.rows(facts, HeadPattern.QWEN3_RERANKER, positive, negative));
  }

  private static void requireToken(long token) {
    if (token < 0) {
      throw new InvalidArgumentException("token id is %d; it must be 0 or more".formatted(token));
    }
  }

  /** The folder. */
  public Path folder() {
    return folder;
  }

  /** The file with the head's last layer; its other layers may be in other shards. */
  public Path headFile() {
    return headFile;
  }

  /**
   * All files that head, gate and standardiser are made of, each once: config.json, the files with
   * their tensors and the indices that name those, and what else the pattern is told by. With the
   * same bytes in them, the folder has the same head. Files of which only names of tensors are read
   * are not among them.
   */
  public List<Path> files() {
    return files;
  }

  /** What was recognised. */
  public HeadPattern pattern() {
    return plan.pattern();
  }

  /** Shape and formula of the head, in the type the folder has it in. */
  public HeadSpec spec() {
    return plan.spec();
  }

  /** How the rows of a response become one vector. */
  public Pooling pooling() {
    return plan.pooling();
  }

  /** At which rows the model is read. */
  public ScoredRows rows() {
    return plan.rows();
  }

  /**
   * What the model's own code makes of a logit, as the checkpoint configures it.
   *
   * @throws IllegalStateException if a gate has a part in it: {@link #readout(RewardHead)}
   */
  public Readout readout() {
    if (plan.gate().isPresent()) {
      throw new IllegalStateException(
          "%s: the readout of the pattern '%s' has a gate: load it with loadGate and give it to readout"
              .formatted(folder, plan.pattern().title()));
    }
    return plan.readout();
  }

  /** Whether the head's objectives are mixed by a second head, the gate. */
  public boolean isGated() {
    return plan.gate().isPresent();
  }

  /**
   * Where the gate is read: what {@link dev.gavel.PackedBatch#gateRows} is to be given.
   *
   * @throws IllegalStateException if there is no gate
   */
  public GateRows gateRows() {
    return gate().rows();
  }

  /**
   * The readout of a gated head, with the scale and the transform that the folder stores.
   *
   * @param gate from {@link #loadGate}; the caller keeps it open
   * @throws IllegalStateException if there is no gate
   */
  public Readout readout(RewardHead gate) {
    GatePlan by = gate();
    try (TensorSource source = open()) {
      float scale =
          by.form() == Readout.GateForm.TWO_STREAM
              ? 0
              : by.scale().map(name -> scale(source, name)).orElse(1f);
      List<Float> transform = by.transform().map(name -> numbers(source, name)).orElse(List.of());
      return new Readout.GatedSum(
          gate, by.form(), by.temperature(), scale, by.objectives(), transform);
    }
  }

  /** Loads the gate in the type the folder has it in; hidden states must then have it, too. */
  public RewardHead loadGate(Context context) {
    return loadGate(context, gate().spec().dtype());
  }

  /**
   * Loads the gate.
   *
   * @param dtype its own type, or F32, to which every number is widened exactly
   * @throws IllegalStateException if there is no gate
   */
  public RewardHead loadGate(Context context, DType dtype) {
    GatePlan by = gate();
    requireType(by.spec(), dtype);
    try (TensorSource source = open()) {
      Map<String, HostTensor> parameters =
          by.parts().isEmpty()
              ? FoldedNorms.read(source, by.spec())
              : HeadParts.read(source, by.parts(), dtype);
      return create(context, by.spec(), dtype, parameters);
    }
  }

  private GatePlan gate() {
    return plan.gate()
        .orElseThrow(() ->
            new IllegalStateException(
                "%s: a head of the pattern '%s' has no gate"
                    .formatted(folder, plan.pattern().title())));
  }

  private static float scale(TensorSource source, String name) {
    float scale = numbers(source, name).getFirst();
    if (Math.abs(scale) < Float.MIN_NORMAL) {
      throw new FormatException(
          source.fileOf(name),
          "tensor '%s' is %s; what a gate's mixture is multiplied by must be at least 2^-126 in size"
              .formatted(name, scale));
    }
    return scale;
  }

  private static List<Float> numbers(TensorSource source, String name) {
    try (HostTensor tensor = source.read(name)) {
      List<Float> all = new ArrayList<>();
      for (long i = 0; i < tensor.elementCount(); i++) {
        float number = tensor.floatAt(i);
        if (!Float.isFinite(number)) {
          throw new FormatException(
              source.fileOf(name),
              "tensor '%s' has %s at place %d; all its numbers must be finite"
                  .formatted(name, number, i));
        }
        all.add(number);
      }
      return all;
    }
  }

  /**
   * The mean and deviation the checkpoint stores, whether or not it is configured to apply them.
   */
  public Optional<Readout> standardiser() {
    return plan.standardiser();
  }

  /** Loads the head in the type the folder has it in; hidden states must then have it, too. */
  public RewardHead load(Context context) {
    return load(context, plan.spec().dtype());
  }

  /**
   * Loads the head.
   *
   * @param dtype the folder's own type, or F32, to which every number is widened exactly
   * @throws FormatException if the folder has changed since it was recognised
   */
  public RewardHead load(Context context, DType dtype) {
    requireType(plan.spec(), dtype);
    try (TensorSource source = open()) {
      return create(context, plan.spec(), dtype, HeadParts.read(source, plan.parts(), dtype));
    }
  }

  private void requireType(HeadSpec spec, DType dtype) {
    if (dtype != spec.dtype() && dtype != DType.F32) {
      throw new InvalidArgumentException(
          "%s: the head is %s and was asked for as %s; it can be had as it is or as f32"
              .formatted(folder, spec.dtype(), dtype));
    }
  }

  private TensorSource open() {
    TensorSource source = CheckpointFiles.open(folder);
    if (!rule.apply(Facts.of(folder, source)).equals(plan)) {
      source.close();
      throw new FormatException(folder, "has changed since its head was recognised");
    }
    return source;
  }

  private static RewardHead create(
      Context context, HeadSpec spec, DType dtype, Map<String, HostTensor> parameters) {
    try {
      return RewardHead.create(context, HeadParts.withType(spec, dtype), parameters);
    } finally {
      parameters.values().forEach(HostTensor::close);
    }
  }

  /**
   * Writes a head back in the layout this checkpoint has it in, so that the tools that read this
   * folder read the new one: the files that hold the head, whole, under their own names, with the
   * head's tensors replaced, and the folder's configuration. Copy the other files beside them.
   *
   * @param head of this checkpoint's spec; where the head shares its file with the backbone, in the
   *     file's type, since no other tensor of it may move
   * @param into an existing folder, which may be the same
   * @throws InvalidArgumentException if the head has another shape or formula
   * @throws UnsupportedException if the layout cannot hold it: rows folded to a difference, or a
   *     head among the backbone's tensors of a PyTorch file
   */
  public void save(RewardHead head, Path into) {
    HeadWriter.write(folder, plan, head, into);
  }

  @Override
  public String toString() {
    return "%s: %s, %s".formatted(folder, plan.pattern().title(), plan.spec());
  }
}
