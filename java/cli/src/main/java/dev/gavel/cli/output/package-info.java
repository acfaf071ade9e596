/** From scores to text: JSON lines, tables, output files, the terminal. */
@NullMarked
package dev.gavel.cli.output;

import org.jspecify.annotations.NullMarked;
