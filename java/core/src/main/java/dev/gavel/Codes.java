package dev.gavel;

import dev.gavel.bindings.ffi.gavel_h;

/** The numbers the C header has for choices that are types here. */
final class Codes {
  private Codes() {}

  static int pooling(Pooling pooling) {
    return switch (pooling) {
      case Pooling.Index index -> gavel_h.GAVEL_POOLING_INDEX();
      case Pooling.FirstLast firstLast -> gavel_h.GAVEL_POOLING_FIRST_LAST();
      case Pooling.SpanMean spanMean -> gavel_h.GAVEL_POOLING_SPAN_MEAN();
      case Pooling.All all -> gavel_h.GAVEL_POOLING_ALL();
    };
  }

  static int combine(Pooling pooling) {
    if (!(pooling instanceof Pooling.FirstLast firstLast)) {
      return gavel_h.GAVEL_COMBINE_NONE();
    }
    return switch (firstLast.combine()) {
      case CONCAT -> gavel_h.GAVEL_COMBINE_CONCAT();
      case ADD -> gavel_h.GAVEL_COMBINE_ADD();
      case SUB -> gavel_h.GAVEL_COMBINE_SUB();
    };
  }

  static int readout(Readout readout) {
    return switch (readout) {
      case Readout.Identity identity -> gavel_h.GAVEL_READOUT_IDENTITY();
      case Readout.Affine affine -> gavel_h.GAVEL_READOUT_AFFINE();
      case Readout.Sigmoid sigmoid -> gavel_h.GAVEL_READOUT_SIGMOID();
      case Readout.ClassProb classProb -> gavel_h.GAVEL_READOUT_CLASS_PROB();
      case Readout.Expectation expectation -> gavel_h.GAVEL_READOUT_EXPECTATION();
      case Readout.QuantileMean quantileMean -> gavel_h.GAVEL_READOUT_QUANTILE_MEAN();
      case Readout.WeightedSum weightedSum -> gavel_h.GAVEL_READOUT_WEIGHTED_SUM();
      case Readout.GatedSum gatedSum -> gavel_h.GAVEL_READOUT_GATED_SUM();
    };
  }

  static int reduction(TokenLogprob.Reduction reduction) {
    return switch (reduction) {
      case SUM -> gavel_h.GAVEL_LOGPROB_SUM();
      case MEAN -> gavel_h.GAVEL_LOGPROB_MEAN();
      case MIN -> gavel_h.GAVEL_LOGPROB_MIN();
      case MEAN_PROB -> gavel_h.GAVEL_LOGPROB_MEAN_PROB();
    };
  }

  static int readout(TokenLogprob how) {
    return how.beta().isPresent()
        ? gavel_h.GAVEL_READOUT_LOG_RATIO()
        : gavel_h.GAVEL_READOUT_IDENTITY();
  }

  static float beta(TokenLogprob how) {
    return how.beta().isPresent() ? how.beta().get() : 0;
  }

  static int statistic(Readout.Statistic statistic) {
    return switch (statistic) {
      case MEAN -> gavel_h.GAVEL_EXPECTATION_MEAN();
      case VARIANCE -> gavel_h.GAVEL_EXPECTATION_VARIANCE();
      case TOP_LEVEL -> gavel_h.GAVEL_EXPECTATION_TOP_LEVEL();
    };
  }

  static int gate(Readout.GateForm form) {
    return switch (form) {
      case SOFTMAX -> gavel_h.GAVEL_GATE_SOFTMAX();
      case TWO_STREAM -> gavel_h.GAVEL_GATE_TWO_STREAM();
      case LINEAR -> gavel_h.GAVEL_GATE_LINEAR();
    };
  }

  static int kind(HeadSpec.Kind kind) {
    return switch (kind) {
      case HeadSpec.Kind.Linear linear -> gavel_h.GAVEL_HEAD_LINEAR();
      case HeadSpec.Kind.Mlp mlp -> gavel_h.GAVEL_HEAD_MLP();
      case HeadSpec.Kind.VocabRows rows -> gavel_h.GAVEL_HEAD_VOCAB_ROWS();
      case HeadSpec.Kind.ExpertConcat experts -> gavel_h.GAVEL_HEAD_EXPERT_CONCAT();
    };
  }
}
