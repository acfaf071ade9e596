/** What Gavel is measured with: interleaved comparisons with peers, and JMH. */
@NullMarked
package dev.gavel.bench;

import org.jspecify.annotations.NullMarked;
