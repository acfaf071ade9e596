/** The CUDA library for Linux on x86-64. A service makes the module system resolve this jar. */
@SuppressWarnings(
    "module") // a component may not end in a digit by convention; the platform's name does
module dev.gavel.natives.linux_x86_64_cuda13 {
  requires dev.gavel.bindings;
  requires static org.jspecify;

  provides dev.gavel.bindings.spi.NativeSource with
      dev.gavel.natives.linux_x86_64_cuda13.LinuxCudaNatives;
}
