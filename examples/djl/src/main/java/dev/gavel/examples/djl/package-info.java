/** Gavel under the tensors of DJL. */
@NullMarked
package dev.gavel.examples.djl;

import org.jspecify.annotations.NullMarked;
