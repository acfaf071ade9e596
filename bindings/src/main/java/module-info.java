/**
 * The native library's C ABI, its loader and its handles. The only module that calls restricted
 * methods.
 */
@SuppressWarnings("module") // the modules this one exports to are compiled after it
module dev.gavel.bindings {
  requires static org.jspecify;

  exports dev.gavel.bindings to
      dev.gavel.core;
  exports dev.gavel.bindings.ffi to
      dev.gavel.core;
  exports dev.gavel.bindings.onnx to
      dev.gavel.text;
  exports dev.gavel.bindings.spi;

  uses dev.gavel.bindings.spi.NativeSource;
}
