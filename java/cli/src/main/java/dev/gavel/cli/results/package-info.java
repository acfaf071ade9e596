/** What gavel score writes: rows of texts or of a cache, their counts, and the files they go to. */
@NullMarked
package dev.gavel.cli.results;

import org.jspecify.annotations.NullMarked;
