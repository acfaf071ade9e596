/** Scores data frames: the model once per executor, partitions as streams. */
@NullMarked
package dev.gavel.spark;

import org.jspecify.annotations.NullMarked;
