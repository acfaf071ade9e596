/** Training a reward head on pooled vectors, and writing it as a model folder. */
@NullMarked
package dev.gavel.cli.training;

import org.jspecify.annotations.NullMarked;
