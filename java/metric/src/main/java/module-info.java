/** How well scores agree with what people prefer. */
module dev.gavel.metric {
  requires transitive dev.gavel.core;
  requires hipparchus.stat;
  // hipparchus.stat needs it, too, and has no descriptor to say so.
  requires hipparchus.core;
  requires static org.jspecify;

  exports dev.gavel.metric;
}
