/** From bytes to rows: lines and JSON. */
@NullMarked
package dev.gavel.cli.rows;

import org.jspecify.annotations.NullMarked;
