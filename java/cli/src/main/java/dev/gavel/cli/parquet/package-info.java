/** Rows in Parquet files, read and written. */
@NullMarked
package dev.gavel.cli.parquet;

import org.jspecify.annotations.NullMarked;
