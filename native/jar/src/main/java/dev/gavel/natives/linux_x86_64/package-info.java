/** The native libraries for Linux on x86-64, as a service. */
@NullMarked
package dev.gavel.natives.linux_x86_64;

import org.jspecify.annotations.NullMarked;
