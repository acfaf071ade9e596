/** Tokeniser, chat template, backbone and the bundled default model. */
module dev.gavel.text {
  requires transitive dev.gavel.core;
  requires dev.gavel.bindings;
  requires com.fasterxml.jackson.databind;
  requires com.microsoft.onnxruntime;
  requires ai.djl.api;
  requires ai.djl.tokenizers;
  // Not used here: the tokenizer library needs them, has no descriptor to say so, and as modules
  // with a descriptor they are not resolved by themselves.
  requires org.slf4j;
  requires com.google.gson;
  requires static org.jspecify;

  exports dev.gavel.text;
  exports dev.gavel.text.row;

  // Jackson fills the records of the model configuration.
  opens dev.gavel.text to
      com.fasterxml.jackson.databind;
}
