/** Training a reward head on pooled vectors: head, loss, epochs, folds. */
@NullMarked
package dev.gavel.cli.training;

import org.jspecify.annotations.NullMarked;
