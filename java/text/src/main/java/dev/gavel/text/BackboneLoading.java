package dev.gavel.text;

import java.util.Optional;

/**
 * A backbone on its way while the head and the tokenizer are loaded: of the built-in encoder all of
 * it, of others ONNX Runtime itself. A graph from a file waits, so that a head or a tokenizer that
 * does not fit is told at once, and not after gigabytes were read.
 */
final class BackboneLoading implements AutoCloseable {
  private final Optional<Loading<OnnxBackbone>> builtIn;
  private boolean taken;

  private BackboneLoading(Optional<Loading<OnnxBackbone>> builtIn) {
    this.builtIn = builtIn;
  }

  /** Begins to load what a configuration names. */
  static BackboneLoading begin(ModelConfig config, OnnxBackbone.Options options) {
    OnnxEnvironment.begin();
    return new BackboneLoading(
        config.backbone().equals(ModelConfig.BUILT_IN)
            ? Optional.of(
                Loading.begin("gavel-backbone-start", 0, () -> BuiltInModel.backbone(options)))
            : Optional.empty());
  }

  /** The built-in encoder, when it is loaded; the caller closes it. */
  OnnxBackbone takeBuiltIn() {
    OnnxBackbone backbone = builtIn.orElseThrow().await();
    taken = true;
    return backbone;
  }

  /** Closes what was not taken, when it is there. */
  @Override
  public void close() {
    if (!taken) {
      builtIn.ifPresent(loading -> loading.whenLoaded(OnnxBackbone::close));
    }
  }
}
