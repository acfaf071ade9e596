/** Gavel as the scoring model of langchain4j. */
@NullMarked
package dev.gavel.examples.langchain4j;

import org.jspecify.annotations.NullMarked;
