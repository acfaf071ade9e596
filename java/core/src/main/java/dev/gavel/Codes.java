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

  static float readoutMean(Readout readout) {
    return readout instanceof Readout.Affine affine ? affine.mean() : 0;
  }

  static float readoutDeviation(Readout readout) {
    return readout instanceof Readout.Affine affine ? affine.deviation() : 0;
  }
}
