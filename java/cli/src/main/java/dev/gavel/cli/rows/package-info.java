/** From bytes to rows: lines, JSON, and what is wrong with a row. */
@NullMarked
package dev.gavel.cli.rows;

import org.jspecify.annotations.NullMarked;
