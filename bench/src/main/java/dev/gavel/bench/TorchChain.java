package dev.gavel.bench;

import dev.gavel.DType;
import dev.gavel.HostTensor;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The same chain in LibTorch, eager, in inference mode: index_select, RMS norm, linear, SiLU,
 * linear, Bradley-Terry loss. It computes no gradient of the scores, which our side does: that
 * favours it.
 */
final class TorchChain implements AutoCloseable {
  private final PointerScope kept = new PointerScope();
  private final InferenceMode mode = new InferenceMode(true);
  private final Tensor hidden;
  private final Tensor rows;
  private final Tensor chosen;
  private final Tensor rejected;
  private final Tensor normWeight;
  private final Tensor weight;
  private final TensorOptional bias;
  private final Tensor outputWeight;
  private final TensorOptional outputBias;

  TorchChain(HeadCase head, int threads) {
    torch.set_num_threads(threads);
    hidden = tensor(head.hidden);
    long[] last = new long[head.responses];
    for (int i = 0; i < last.length; i++) {
      last[i] = (i + 1L) * HeadCase.ROWS_PER_RESPONSE - 1;
    }
    rows = torch.tensor(last);
    long[] better = new long[head.responses / 2];
    long[] worse = new long[head.responses / 2];
    for (int i = 0; i < better.length; i++) {
      better[i] = head.pairs.longAt(2L * i);
      worse[i] = head.pairs.longAt(2L * i + 1);
    }
    chosen = torch.tensor(better);
    rejected = torch.tensor(worse);
    normWeight = parameter(head, "norm.weight");
    weight = parameter(head, "hidden.0.weight");
    bias = new TensorOptional(parameter(head, "hidden.0.bias"));
    outputWeight = parameter(head, "output.weight");
    outputBias = new TensorOptional(parameter(head, "output.bias"));
  }

  /** The peer's side: one call. */
  void run() {
    PointerScope scope = new PointerScope();
    try {
      Tensor s = forward();
      Tensor gap = s.index_select(0, chosen).sub(s.index_select(0, rejected));
      torch.log_sigmoid(gap).neg().mean().item_float();
    } finally {
      scope.close();
    }
  }

  /** Its scores, to compare with ours. */
  float[] scores() {
    PointerScope scope = new PointerScope();
    try {
      Tensor s = forward().contiguous();
      float[] copy = new float[(int) s.numel()];
      s.data_ptr_float().get(copy);
      return copy;
    } finally {
      scope.close();
    }
  }

  private Tensor forward() {
    Tensor x = hidden.index_select(0, rows);
    // Hugging Face's RMS norm: in f32, rounded, then times the weight.
    Tensor wide = x.to(ScalarType.Float);
    Tensor squares = wide.mul(wide).mean(new long[] {-1}, true, new ScalarTypeOptional());
    Tensor normed =
        wide.mul(squares.add(new Scalar(1e-6)).rsqrt()).to(x.scalar_type()).mul(normWeight);
    Tensor u = torch.silu(torch.linear(normed, weight, bias));
    return torch.linear(u, outputWeight, outputBias).to(ScalarType.Float).reshape(-1);
  }

  @Override
  public void close() {
    mode.close();
    kept.close();
  }

  private static Tensor parameter(HeadCase head, String name) {
    HostTensor values = head.parameters.get(name);
    if (values == null) {
      throw new IllegalStateException("the case has no parameter " + name);
    }
    return tensor(values);
  }

  /** The same numbers: bf16 and f16 survive the way through f32 unchanged. */
  private static Tensor tensor(HostTensor values) {
    Tensor wide = torch.tensor(values.toFloats()).reshape(values.shape());
    ScalarType type =
        switch (values.dtype()) {
          case BF16 -> ScalarType.BFloat16;
          case F16 -> ScalarType.Half;
          default -> ScalarType.Float;
        };
    return values.dtype() == DType.F32 ? wide : wide.to(type);
  }
}
