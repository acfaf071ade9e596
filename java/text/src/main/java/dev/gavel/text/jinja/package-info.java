/**
 * A renderer for the part of Jinja that chat templates use, with Python's own values: what it
 * renders is byte for byte what {@code jinja2} renders in the sandbox Hugging Face transformers
 * sets up ({@code trim_blocks}, {@code lstrip_blocks}, loop controls, no autoescape), and what it
 * does not know it refuses by name.
 *
 * <p>One direction: source, {@link dev.gavel.text.jinja.Lexer tokens}, {@link
 * dev.gavel.text.jinja.Statement tree}, text. The behaviour is that of Jinja 3.1 and is compared
 * with it case by case in the tests. Why not a ready-made library: {@code docs/adr}.
 */
@NullMarked
package dev.gavel.text.jinja;

import org.jspecify.annotations.NullMarked;
