package dev.gavel;

import dev.gavel.message.Counted;

/**
 * Where the log-probabilities of tokens come from, row by row: log p of the token that a row
 * predicts, which in most models is the one after it ({@link TokenSequence#nextIds()}).
 *
 * <p>Tensors are borrowed: they must stay open, and their content unchanged, while a call uses
 * them. Targets are looked at only in rows that some span needs and the mask lets through.
 */
public sealed interface TokenSource {
  /** T, the number of rows. */
  long rows();

  /** Final hidden states times a vocabulary; the logits are never stored. */
  static TokenSource hidden(Vocabulary vocabulary, HostTensor states, HostTensor targets) {
    return new Hidden(vocabulary, states, targets);
  }

  /** Logits the caller has. */
  static TokenSource logits(HostTensor logits, HostTensor targets) {
    return new Logits(logits, targets);
  }

  /** Log-probabilities the caller has, for instance those a sampler recorded. */
  static TokenSource given(HostTensor logprobs) {
    return new Given(logprobs);
  }

  /**
   * Final hidden states times a vocabulary.
   *
   * @param vocabulary the output matrix [V, H]
   * @param states [T, H], after the model's last norm, in the vocabulary's type, or in any float
   *     type where that is f32
   * @param targets i64 [T], token of each row
   */
  record Hidden(Vocabulary vocabulary, HostTensor states, HostTensor targets)
      implements TokenSource {
    /** Checks types and shapes. */
    public Hidden {
      requireMatrix("hidden states", states, "[T, H]");
      if (states.dtype() != vocabulary.dtype() && vocabulary.dtype() != DType.F32) {
        throw new InvalidTensorException(
            "hidden states are %s; they must be %s as the vocabulary is"
                .formatted(states, vocabulary.dtype()));
      }
      if (states.size(1) != vocabulary.width()) {
        throw new InvalidTensorException(
            "hidden states are %s; rows of the vocabulary have %s"
                .formatted(states, Counted.of(vocabulary.width(), "value")));
      }
      requireVector("targets", targets, DType.I64, states.size(0));
    }

    @Override
    public long rows() {
      return states.size(0);
    }
  }

  /**
   * Logits the caller has.
   *
   * @param logits f32, f16 or bf16 [T, V]
   * @param targets i64 [T], token of each row
   */
  record Logits(HostTensor logits, HostTensor targets) implements TokenSource {
    /** Checks types and shapes. */
    public Logits {
      requireMatrix("logits", logits, "[T, V]");
      requireVector("targets", targets, DType.I64, logits.size(0));
    }

    @Override
    public long rows() {
      return logits.size(0);
    }
  }

  /**
   * Log-probabilities the caller has.
   *
   * @param logprobs f32 [T]
   */
  record Given(HostTensor logprobs) implements TokenSource {
    /** Checks type and shape. */
    public Given {
      if (logprobs.rank() != 1) {
        throw new InvalidTensorException(
            "log-probabilities are %s; they must be f32 [T]".formatted(logprobs));
      }
      requireVector("log-probabilities", logprobs, DType.F32, logprobs.size(0));
    }

    @Override
    public long rows() {
      return logprobs.size(0);
    }
  }

  /**
   * Checks that a tensor is a matrix of a float type.
   *
   * @throws InvalidTensorException if it is not
   */
  static void requireMatrix(String what, HostTensor found, String shape) {
    if (found.rank() != 2 || !isFloat(found.dtype())) {
      throw new InvalidTensorException(
          "%s: %s; must be f32, f16 or bf16 %s".formatted(what, found, shape));
    }
  }

  /**
   * Checks that a tensor has one value of this type per row.
   *
   * @throws InvalidTensorException if it has not
   */
  static void requireVector(String what, HostTensor found, DType dtype, long rows) {
    if (found.dtype() != dtype || found.rank() != 1 || found.size(0) != rows) {
      throw new InvalidTensorException(
          "%s: %s; must be %s, one per row".formatted(what, found, Shapes.print(dtype, rows)));
    }
  }

  private static boolean isFloat(DType dtype) {
    return dtype == DType.F32 || dtype == DType.F16 || dtype == DType.BF16;
  }
}
