/** Measurements of a head and of the machine it runs on. */
@NullMarked
package dev.gavel.cli.measure;

import org.jspecify.annotations.NullMarked;
