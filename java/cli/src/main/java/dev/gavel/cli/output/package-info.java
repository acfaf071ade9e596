/** From scores to text or columns: JSON lines, tables, Parquet, output files, the terminal. */
@NullMarked
package dev.gavel.cli.output;

import org.jspecify.annotations.NullMarked;
