package dev.gavel;

/** A number of a loss: the same for every item (pair, group or score), or one per item. */
public sealed interface Amount {

  /** The same for every item. */
  static Amount of(float value) {
    return new Same(value);
  }

  /**
   * One per item.
   *
   * @param values f32 [items], in the order of the items; borrowed, and kept open by the caller
   */
  static Amount each(HostTensor values) {
    return new Each(values);
  }

  /**
   * The same for every item.
   *
   * @param value the number
   */
  record Same(float value) implements Amount {}

  /**
   * One per item.
   *
   * @param values f32 [items], in the order of the items
   */
  record Each(HostTensor values) implements Amount {
    /** Checks type and rank. */
    public Each {
      if (values.dtype() != DType.F32 || values.rank() != 1) {
        throw new InvalidTensorException(
            "values per item are %s; they must be f32 [items]".formatted(values));
      }
    }
  }
}
