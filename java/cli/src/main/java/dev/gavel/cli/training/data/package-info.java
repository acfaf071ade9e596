/** What a head learns from: rows with preferences, of texts or of a cache, and their vectors. */
@NullMarked
package dev.gavel.cli.training.data;

import org.jspecify.annotations.NullMarked;
