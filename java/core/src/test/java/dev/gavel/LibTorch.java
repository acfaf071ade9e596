package dev.gavel;

import static org.junit.jupiter.api.Assumptions.abort;

import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The same head in LibTorch, with its autograd, in any of its types. */
final class LibTorch {
  private LibTorch() {}

  /** Scores and gradients; "vectors" and "hidden" stand beside the parameters' names. */
  static final class Result {
    final double[] scores;
    final Map<String, double[]> gradients;

    Result(double[] scores, Map<String, double[]> gradients) {
      this.scores = scores;
      this.gradients = gradients;
    }
  }

  /** Skips the test, by name, where LibTorch's natives do not exist for this machine. */
  static void require() {
    try {
      Loader.load(torch.class);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      abort(
          "LibTorch has no natives for this platform, "
              + Loader.getPlatform()
              + ": "
              + e.getMessage());
    }
    torch.set_num_threads(1);
  }

  static ScalarType type(DType dtype) {
    return switch (dtype) {
      case F32 -> ScalarType.Float;
      case F16 -> ScalarType.Half;
      case BF16 -> ScalarType.BFloat16;
      default -> throw new IllegalArgumentException(dtype.toString());
    };
  }

  static Result run(HeadSample sample, ScalarType type) {
    PointerScope tensors = new PointerScope();
    try {
      return compute(sample, type);
    } finally {
      tensors.close();
    }
  }

  private static Result compute(HeadSample sample, ScalarType type) {
    Map<String, Tensor> leaves = new TreeMap<>();
    sample.parameters.forEach((name, values) -> leaves.put(name, leaf(values, type)));
    leaves.put("hidden", leaf(sample.hidden, type));
    Tensor vectors = pool(sample, leaves.get("hidden"));
    vectors.retain_grad();
    Tensor scores = scores(sample, leaves, vectors);
    Tensor gradient = tensor(sample.scoreGradient, type);
    scores.mul(gradient).sum().backward();
    Map<String, double[]> gradients = new TreeMap<>();
    leaves.forEach((name, leaf) -> gradients.put(name, values(leaf.grad())));
    gradients.put("vectors", values(vectors.grad()));
    return new Result(values(scores), gradients);
  }

  /** A tensor with the same numbers. */
  static Tensor tensor(HostTensor from, ScalarType type) {
    return torch.tensor(from.toFloats()).to(type).reshape(from.shape());
  }

  static Tensor leaf(HostTensor from, ScalarType type) {
    return tensor(from, type).detach().requires_grad_(true);
  }

  static double[] values(Tensor tensor) {
    Tensor wide = tensor.detach().to(ScalarType.Double).contiguous();
    double[] values = new double[(int) wide.numel()];
    new DoublePointer(wide.data_ptr()).get(values);
    return values;
  }

  private static Tensor pool(HeadSample sample, Tensor hidden) {
    TensorVector rows = new TensorVector();
    for (int r = 0; r < sample.responses(); r++) {
      Tensor a =
          hidden.index_select(0, torch.tensor((long) sample.first[r]).reshape(1)).reshape(-1);
      Tensor b = hidden.index_select(0, torch.tensor((long) sample.last[r]).reshape(1)).reshape(-1);
      rows.push_back(
          switch (sample.pooling) {
            case Pooling.Index index -> b;
            case Pooling.All all -> throw new AssertionError("ALL has no responses");
            case Pooling.FirstLast(Pooling.Combine combine) ->
                switch (combine) {
                  case CONCAT -> torch.cat(new TensorVector(a, b));
                  case ADD -> a.add(b);
                  case SUB -> b.sub(a);
                };
            case Pooling.SpanMean mean -> {
              int length = sample.last[r] - sample.first[r] + 1;
              Tensor span =
                  torch.arange(new Scalar(sample.first[r]), new Scalar(sample.last[r] + 1));
              yield hidden
                  .index_select(0, span.to(ScalarType.Long))
                  .sum(0)
                  .div(new Scalar((double) length));
            }
          });
    }
    return torch.stack(rows);
  }

  private static Tensor scores(HeadSample sample, Map<String, Tensor> leaves, Tensor vectors) {
    HeadSpec spec = sample.spec;
    Tensor x = norm(spec, leaves, vectors);
    for (int l = 0; l < spec.hiddenWidths().size(); l++) {
      Tensor a = linear(leaves, "hidden." + l, x);
      x =
          switch (spec.activation()) {
            case IDENTITY -> a;
            case RELU -> torch.relu(a);
            case LEAKY_RELU -> torch.leaky_relu(a, new Scalar((double) spec.negativeSlope()));
            case PRELU -> torch.prelu(a, leaves.get("hidden." + l + ".slope"));
            case TANH -> torch.tanh(a);
            case GELU -> torch.gelu(a);
            case GELU_TANH -> torch.gelu(a, "tanh");
            case SELU -> torch.selu(a);
            case SILU -> torch.silu(a);
          };
    }
    Tensor logits = linear(leaves, "output", x).mul(new Scalar((double) spec.outputScale()));
    return switch (sample.readout) {
      case Readout.Identity identity -> logits;
      case Readout.Affine(float mean, float deviation) ->
          logits.sub(new Scalar((double) mean)).div(new Scalar((double) deviation));
      case Readout.Sigmoid sigmoid -> torch.sigmoid(logits);
    };
  }

  private static Tensor linear(Map<String, Tensor> leaves, String layer, Tensor x) {
    Tensor weight = leaves.get(layer + ".weight");
    Tensor bias = leaves.get(layer + ".bias");
    return bias == null
        ? torch.linear(x, weight)
        : torch.linear(x, weight, new TensorOptional(bias));
  }

  private static Tensor norm(HeadSpec spec, Map<String, Tensor> leaves, Tensor x) {
    return switch (spec.norm()) {
      case NONE -> x;
      case RMS -> {
        Tensor squares = x.mul(x).mean(new long[] {-1}, true, new ScalarTypeOptional());
        Tensor scale = squares.add(new Scalar((double) spec.normEpsilon())).rsqrt();
        yield x.mul(scale).mul(leaves.get("norm.weight"));
      }
      case LAYER -> {
        Tensor bias = leaves.get("norm.bias");
        yield torch.layer_norm(
            x,
            new long[] {spec.inputWidth()},
            new TensorOptional(leaves.get("norm.weight")),
            bias == null ? new TensorOptional() : new TensorOptional(bias),
            spec.normEpsilon(),
            false);
      }
    };
  }
}
