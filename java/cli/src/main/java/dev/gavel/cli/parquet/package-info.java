/** Rows in Parquet files. */
@NullMarked
package dev.gavel.cli.parquet;

import org.jspecify.annotations.NullMarked;
