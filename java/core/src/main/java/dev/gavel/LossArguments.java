package dev.gavel;

import dev.gavel.bindings.NativeStruct;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_h;
import dev.gavel.bindings.ffi.gavel_loss_args;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/**
 * One {@code gavel_loss_args} in native memory, written anew for every call without allocating. The
 * tensors a loss borrows are held open from {@link #bind} to {@link #release}.
 */
final class LossArguments {
  // More than the tensors of any loss: pairs, ties, mask and six amounts.
  private static final int MOST_BORROWED = 12;

  private static final long[] INPUTS = {
    gavel_loss_args.scores$offset(),
    gavel_loss_args.mask$offset(),
    gavel_loss_args.pairs$offset(),
    gavel_loss_args.tie_mask$offset(),
    gavel_loss_args.offsets$offset(),
    gavel_loss_args.target_index$offset(),
    gavel_loss_args.target_weights$offset(),
    gavel_loss_args.weight_values$offset(),
    gavel_loss_args.beta_values$offset(),
    gavel_loss_args.margin_values$offset(),
    gavel_loss_args.label_smoothing_values$offset(),
    gavel_loss_args.center_values$offset(),
    gavel_loss_args.tie_values$offset(),
    gavel_loss_args.temperature_values$offset(),
    gavel_loss_args.zeta_values$offset(),
    gavel_loss_args.positive_weight_values$offset(),
    gavel_loss_args.quantile_values$offset(),
    gavel_loss_args.ranks$offset(),
    gavel_loss_args.labels$offset(),
    gavel_loss_args.targets$offset(),
    gavel_loss_args.admissible$offset()
  };
  private static final long[] OUTPUTS = {
    gavel_loss_args.item_loss$offset(),
    gavel_loss_args.loss$offset(),
    gavel_loss_args.dscore$offset(),
    gavel_loss_args.counts$offset()
  };

  private final MemorySegment struct;
  private final TensorDescriptor scores;
  private final TensorDescriptor mask;
  private final TensorDescriptor pairs;
  private final TensorDescriptor tieMask;
  private final TensorDescriptor offsets;
  private final TensorDescriptor targetIndex;
  private final TensorDescriptor targetWeights;
  private final TensorDescriptor ranks;
  private final TensorDescriptor labels;
  private final TensorDescriptor targets;
  private final TensorDescriptor admissible;
  private final TensorDescriptor weight;
  private final TensorDescriptor beta;
  private final TensorDescriptor margin;
  private final TensorDescriptor labelSmoothing;
  private final TensorDescriptor center;
  private final TensorDescriptor tie;
  private final TensorDescriptor temperature;
  private final TensorDescriptor zeta;
  private final TensorDescriptor positiveWeight;
  private final TensorDescriptor quantile;
  private final TensorDescriptor itemLoss;
  private final TensorDescriptor loss;
  private final TensorDescriptor gradient;
  private final TensorDescriptor counts;
  private final TensorDescriptor[] described;
  private final HostTensor[] borrowed = new HostTensor[MOST_BORROWED];
  private int borrowedCount;

  /** Inputs that a described loss has, by their offsets; not its scores. */
  static long[] inputs() {
    return Arrays.stream(INPUTS)
        .filter(offset -> offset != gavel_loss_args.scores$offset())
        .toArray();
  }

  /** Takes a loss to the device, inside a score call. */
  static void stage(Staging staging, MemorySegment struct) {
    staging.struct(struct, INPUTS, OUTPUTS);
  }

  /** Takes a loss of its own to the device. */
  void stage(Staging staging) {
    stage(staging, struct);
    staging.stream(struct, gavel_loss_args.stream$offset());
  }

  LossArguments(Arena arena) {
    struct = NativeStruct.allocate(arena, gavel_loss_args.layout());
    scores = TensorDescriptor.at(struct, gavel_loss_args.scores$offset());
    mask = TensorDescriptor.at(struct, gavel_loss_args.mask$offset());
    pairs = TensorDescriptor.at(struct, gavel_loss_args.pairs$offset());
    tieMask = TensorDescriptor.at(struct, gavel_loss_args.tie_mask$offset());
    offsets = TensorDescriptor.at(struct, gavel_loss_args.offsets$offset());
    targetIndex = TensorDescriptor.at(struct, gavel_loss_args.target_index$offset());
    targetWeights = TensorDescriptor.at(struct, gavel_loss_args.target_weights$offset());
    weight = TensorDescriptor.at(struct, gavel_loss_args.weight_values$offset());
    beta = TensorDescriptor.at(struct, gavel_loss_args.beta_values$offset());
    margin = TensorDescriptor.at(struct, gavel_loss_args.margin_values$offset());
    labelSmoothing = TensorDescriptor.at(struct, gavel_loss_args.label_smoothing_values$offset());
    center = TensorDescriptor.at(struct, gavel_loss_args.center_values$offset());
    tie = TensorDescriptor.at(struct, gavel_loss_args.tie_values$offset());
    temperature = TensorDescriptor.at(struct, gavel_loss_args.temperature_values$offset());
    zeta = TensorDescriptor.at(struct, gavel_loss_args.zeta_values$offset());
    positiveWeight = TensorDescriptor.at(struct, gavel_loss_args.positive_weight_values$offset());
    quantile = TensorDescriptor.at(struct, gavel_loss_args.quantile_values$offset());
    ranks = TensorDescriptor.at(struct, gavel_loss_args.ranks$offset());
    labels = TensorDescriptor.at(struct, gavel_loss_args.labels$offset());
    targets = TensorDescriptor.at(struct, gavel_loss_args.targets$offset());
    admissible = TensorDescriptor.at(struct, gavel_loss_args.admissible$offset());
    itemLoss = TensorDescriptor.at(struct, gavel_loss_args.item_loss$offset());
    loss = TensorDescriptor.at(struct, gavel_loss_args.loss$offset());
    gradient = TensorDescriptor.at(struct, gavel_loss_args.dscore$offset());
    counts = TensorDescriptor.at(struct, gavel_loss_args.counts$offset());
    described =
        new TensorDescriptor[] {
          mask,
          pairs,
          tieMask,
          offsets,
          targetIndex,
          targetWeights,
          ranks,
          labels,
          targets,
          admissible,
          weight,
          beta,
          margin,
          labelSmoothing,
          center,
          tie,
          temperature,
          zeta,
          positiveWeight,
          quantile
        };
  }

  MemorySegment struct() {
    return struct;
  }

  /** Describes the loss, and holds its tensors open; on failure it holds none. */
  void bind(Loss from) {
    try {
      clear();
      gavel_loss_args.reduction(struct, from.reduction().code());
      switch (from) {
        case BradleyTerry pairLoss -> bind(pairLoss);
        case CrossEntropy groupLoss -> bind(groupLoss);
        case PlackettLuce rankingLoss -> bind(rankingLoss);
        case PairwiseRanking rankingLoss -> bind(rankingLoss);
        case StepRanking stepLoss -> bind(stepLoss);
        case Mse scoreLoss -> bind(scoreLoss);
        case Bce scoreLoss -> bind(scoreLoss);
        case Pinball scoreLoss -> bind(scoreLoss);
        case Ordinal rowLoss -> bind(rowLoss);
      }
    } catch (RuntimeException e) {
      release();
      throw e;
    }
  }

  /**
   * Describes the caller's scores, f32 [N]; {@link #withoutScores()} where a call computes them
   * itself.
   */
  void scores(HostTensor values) {
    borrow(values);
    scores.input(gavel_h.GAVEL_F32(), values.memory(), values.elementCount());
  }

  void withoutScores() {
    scores.clear();
  }

  /** Describes the results; the number of the loss is absent with {@link Reduction#NONE}. */
  void results(
      MemorySegment itemValues,
      long items,
      MemorySegment gradientValues,
      long count,
      MemorySegment value,
      boolean reduced,
      MemorySegment countValues) {
    itemLoss.output(gavel_h.GAVEL_F32(), itemValues, items);
    gradient.output(gavel_h.GAVEL_F32(), gradientValues, count);
    counts.output(gavel_h.GAVEL_I64(), countValues, 2);
    if (reduced) {
      loss.output(gavel_h.GAVEL_F32(), value, 1);
    } else {
      loss.clear();
    }
  }

  /** Holds the borrowed tensors open until the work enqueued on a stream so far has ended. */
  void holdUntilDone(Stream stream) {
    for (int i = 0; i < borrowedCount; i++) {
      stream.hold(borrowed[i]);
    }
  }

  /** Lets go of the borrowed tensors. */
  void release() {
    while (borrowedCount > 0) {
      borrowedCount--;
      borrowed[borrowedCount].release();
    }
  }

  private void bind(BradleyTerry from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_BRADLEY_TERRY());
    pairs(from.pairs());
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    gavel_loss_args.beta(struct, amount(from.beta(), beta));
    gavel_loss_args.margin(struct, amount(from.margin(), margin));
    gavel_loss_args.label_smoothing(struct, amount(from.labelSmoothing(), labelSmoothing));
    gavel_loss_args.center(struct, amount(from.center(), center));
    gavel_loss_args.tie(struct, amount(from.tie(), tie));
    optional(from.ties(), tieMask);
    optional(from.mask(), mask);
  }

  private void bind(CrossEntropy from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_CROSS_ENTROPY());
    vector(from.offsets(), offsets);
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    gavel_loss_args.temperature(struct, amount(from.temperature(), temperature));
    optional(from.mask(), mask);
    switch (from.target()) {
      case CrossEntropy.Index(HostTensor positions) -> vector(positions, targetIndex);
      case CrossEntropy.Soft(HostTensor weights) -> vector(weights, targetWeights);
    }
  }

  private void bind(PlackettLuce from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_PLACKETT_LUCE());
    vector(from.offsets(), offsets);
    vector(from.ranks(), ranks);
    gavel_loss_args.top_k(struct, from.topK());
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    gavel_loss_args.temperature(struct, amount(from.temperature(), temperature));
    optional(from.mask(), mask);
  }

  private void bind(PairwiseRanking from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_PAIRWISE_RANKING());
    vector(from.offsets(), offsets);
    vector(from.ranks(), ranks);
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    gavel_loss_args.beta(struct, amount(from.beta(), beta));
    optional(from.mask(), mask);
  }

  private void bind(StepRanking from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_STEP_RANKING());
    vector(from.offsets(), offsets);
    vector(from.labels(), labels);
    gavel_loss_args.zeta(struct, amount(from.zeta(), zeta));
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    optional(from.mask(), mask);
  }

  private void bind(Mse from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_MSE());
    vector(from.targets(), targets);
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    optional(from.mask(), mask);
  }

  private void bind(Bce from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_BCE());
    vector(from.targets(), targets);
    gavel_loss_args.positive_weight(struct, amount(from.positiveWeight(), positiveWeight));
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    optional(from.mask(), mask);
  }

  private void bind(Pinball from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_PINBALL());
    vector(from.targets(), targets);
    gavel_loss_args.quantile(struct, amount(from.quantile(), quantile));
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    optional(from.mask(), mask);
  }

  private void bind(Ordinal from) {
    gavel_loss_args.kind(struct, gavel_h.GAVEL_LOSS_ORDINAL());
    pairs(from.pairs());
    gavel_loss_args.classes(struct, from.classes());
    if (from.admissible().isPresent()) {
      HostTensor weights = from.admissible().get();
      borrow(weights);
      long levels = from.classes();
      admissible.input(gavel_h.GAVEL_F32(), weights.memory(), levels, levels, levels);
    }
    gavel_loss_args.weight(struct, amount(from.weight(), weight));
    optional(from.mask(), mask);
  }

  /** Everything a loss may describe is absent and 0, whatever the last one had. */
  private void clear() {
    for (TensorDescriptor tensor : described) {
      tensor.clear();
    }
    gavel_loss_args.weight(struct, 0);
    gavel_loss_args.beta(struct, 0);
    gavel_loss_args.margin(struct, 0);
    gavel_loss_args.label_smoothing(struct, 0);
    gavel_loss_args.center(struct, 0);
    gavel_loss_args.tie(struct, 0);
    gavel_loss_args.temperature(struct, 0);
    gavel_loss_args.zeta(struct, 0);
    gavel_loss_args.positive_weight(struct, 0);
    gavel_loss_args.quantile(struct, 0);
    gavel_loss_args.top_k(struct, 0);
    gavel_loss_args.classes(struct, 0);
  }

  private void pairs(HostTensor from) {
    borrow(from);
    pairs.input(gavel_h.GAVEL_I64(), from.memory(), from.size(0), 2, 2);
  }

  private void vector(HostTensor from, TensorDescriptor values) {
    borrow(from);
    values.input(from.dtype().code(), from.memory(), from.elementCount());
  }

  /** Describes values per item, and returns the number that is the same for all, or 0. */
  private float amount(Amount from, TensorDescriptor values) {
    return switch (from) {
      case Amount.Same(float value) -> {
        values.clear();
        yield value;
      }
      case Amount.Each(HostTensor each) -> {
        borrow(each);
        values.input(gavel_h.GAVEL_F32(), each.memory(), each.elementCount());
        yield 0;
      }
    };
  }

  private void optional(Optional<HostTensor> from, TensorDescriptor values) {
    if (from.isPresent()) {
      HostTensor tensor = from.get();
      borrow(tensor);
      values.input(gavel_h.GAVEL_U8(), tensor.memory(), tensor.elementCount());
    } else {
      values.clear();
    }
  }

  private void borrow(HostTensor tensor) {
    tensor.acquire();
    borrowed[borrowedCount] = tensor;
    borrowedCount++;
  }
}
