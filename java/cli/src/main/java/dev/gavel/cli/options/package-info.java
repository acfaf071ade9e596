/** Options of several commands. */
@NullMarked
package dev.gavel.cli.options;

import org.jspecify.annotations.NullMarked;
