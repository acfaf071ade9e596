/**
 * Scores responses of language models with reward heads: hidden states in, scores out.
 *
 * <p>Data flows one way: tokens, rows, vectors, logits, scores, then a loss or a metric. An {@link
 * dev.gavel.GavelException} says what was asked, what was found and what to do.
 */
@NullMarked
package dev.gavel;

import org.jspecify.annotations.NullMarked;
