/** The Java API: tensors, packed batches, heads, readouts, losses, optimisers. */
@SuppressWarnings("module") // the modules this one exports to are compiled after it
module dev.gavel.core {
  requires dev.gavel.bindings;
  requires com.fasterxml.jackson.core;
  requires pickle;
  requires static org.jspecify;

  exports dev.gavel;
  exports dev.gavel.aggregation;
  exports dev.gavel.checkpoint;
  exports dev.gavel.message to
      dev.gavel.metric,
      dev.gavel.text;
}
