/** The native library's C ABI, its loader and its handles. The only module that calls restricted methods. */
module dev.gavel.bindings {
  requires static org.jspecify;

  exports dev.gavel.bindings.spi;

  uses dev.gavel.bindings.spi.NativeSource;
}
