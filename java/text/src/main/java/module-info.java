/** Tokeniser, chat template, backbone and the bundled default model. */
module dev.gavel.text {
  requires transitive dev.gavel.core;
  requires com.fasterxml.jackson.databind;
  requires com.microsoft.onnxruntime;
  requires ai.djl.tokenizers;
  requires static org.jspecify;

  exports dev.gavel.text;

  // Jackson fills the records of the model configuration.
  opens dev.gavel.text to
      com.fasterxml.jackson.databind;
}
