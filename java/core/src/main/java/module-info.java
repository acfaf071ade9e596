/** The Java API: tensors, packed batches, heads, readouts, losses, optimisers. */
module dev.gavel.core {
  requires dev.gavel.bindings;
  requires com.fasterxml.jackson.core;
  requires pickle;
  requires static org.jspecify;

  exports dev.gavel;
  exports dev.gavel.aggregation;
  exports dev.gavel.checkpoint;
}
