/** The commands. */
@NullMarked
package dev.gavel.cli;

import org.jspecify.annotations.NullMarked;
