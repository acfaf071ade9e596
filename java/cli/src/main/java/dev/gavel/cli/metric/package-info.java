/** How well scores agree with what people prefer, and which rows may be used for what. */
@NullMarked
package dev.gavel.cli.metric;

import org.jspecify.annotations.NullMarked;
