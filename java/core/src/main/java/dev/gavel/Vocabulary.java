package dev.gavel;

import dev.gavel.bindings.Gavel;
import dev.gavel.bindings.NativeError;
import dev.gavel.bindings.NativeException;
import dev.gavel.bindings.NativeHandle;
import dev.gavel.bindings.TensorDescriptor;
import dev.gavel.bindings.ffi.gavel_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The output matrix of a language model (lm_head.weight [V, H]: row v makes the logit of token v)
 * with its own packed copy, for log-probabilities of tokens ({@link TokenScores}). Never changes;
 * many threads may use it at once.
 *
 * <p>The logits are the products alone. Of a model that adds a bias, scales its logits or caps
 * them, give the logits: {@link TokenSource#logits}.
 */
public final class Vocabulary implements AutoCloseable {
  private final NativeHandle handle;
  private final DType dtype;
  private final long tokens;
  private final long width;

  private Vocabulary(NativeHandle handle, DType dtype, long tokens, long width) {
    this.handle = handle;
    this.dtype = dtype;
    this.tokens = tokens;
    this.width = width;
  }

  /**
   * A vocabulary with these rows, which are copied.
   *
   * @param context where it computes; calls are made with contexts of the same device
   * @param weight f32, f16 or bf16 [V, H], V from 1 to 2^24, H from 1 to 2^20
   * @throws InvalidTensorException if it is not so
   * @throws OutOfDeviceMemoryException if it is on a device that has too little
   */
  public static Vocabulary create(Context context, HostTensor weight) {
    TokenSource.requireMatrix("weight of a vocabulary", weight, "[V, H]");
    long tokens = weight.size(0);
    long width = weight.size(1);
    weight.acquire();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = arena.allocate(gavel_tensor.layout());
      TensorDescriptor.at(struct, 0)
          .input(weight.dtype().code(), weight.memory(), tokens, width, width);
      NativeHandle handle =
          Gavel.vocabularyCreate(context.handle(), struct, new NativeError(arena));
      return new Vocabulary(handle, weight.dtype(), tokens, width);
    } catch (NativeException e) {
      throw Failures.of(e);
    } finally {
      weight.release();
    }
  }

  /** Type of the weights. */
  public DType dtype() {
    return dtype;
  }

  /** V, the number of tokens. */
  public long tokens() {
    return tokens;
  }

  /** H, the width of the hidden states. */
  public long width() {
    return width;
  }

  /** Destroys the vocabulary. Closing again does nothing. */
  @Override
  public void close() {
    handle.close();
  }

  @Override
  public String toString() {
    return "%s: %s".formatted(handle, Shapes.print(dtype, tokens, width));
  }

  NativeHandle handle() {
    return handle;
  }
}
