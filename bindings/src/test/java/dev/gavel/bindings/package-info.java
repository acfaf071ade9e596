/** Tests of the bindings. */
@NullMarked
package dev.gavel.bindings;

import org.jspecify.annotations.NullMarked;
