/** Published benchmarks of reward models: which rows count for what. */
@NullMarked
package dev.gavel.cli.benchmark;

import org.jspecify.annotations.NullMarked;
