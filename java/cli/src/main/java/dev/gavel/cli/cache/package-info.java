/** Caches of hidden states: pooled vectors on disk, written once, and scored in place. */
@NullMarked
package dev.gavel.cli.cache;

import org.jspecify.annotations.NullMarked;
