/** The model folder that training writes, and what it keeps to go on. */
@NullMarked
package dev.gavel.cli.training.folder;

import org.jspecify.annotations.NullMarked;
