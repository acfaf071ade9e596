/** How well scores agree with what people prefer. */
module dev.gavel.metric {
  requires transitive dev.gavel.core;
  requires hipparchus.stat;
  // Not used here: hipparchus.stat needs it and has no descriptor to say so.
  requires hipparchus.core;
  requires static org.jspecify;

  exports dev.gavel.metric;
}
