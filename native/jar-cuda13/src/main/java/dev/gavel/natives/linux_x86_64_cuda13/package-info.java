/** The CUDA library for Linux on x86-64, as a service. */
@NullMarked
package dev.gavel.natives.linux_x86_64_cuda13;

import org.jspecify.annotations.NullMarked;
