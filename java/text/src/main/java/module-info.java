/** Tokeniser, chat template, backbone and the bundled default model. */
module dev.gavel.text {
  requires transitive dev.gavel.core;
  requires static org.jspecify;
}
