/**
 * Rows on their way through a model, wherever they come from: batches, and what is wrong with one.
 */
@NullMarked
package dev.gavel.text.row;

import org.jspecify.annotations.NullMarked;
