/** What an artifact that carries native libraries implements. */
@NullMarked
package dev.gavel.bindings.spi;

import org.jspecify.annotations.NullMarked;
