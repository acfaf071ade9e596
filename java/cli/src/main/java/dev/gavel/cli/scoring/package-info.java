/** The stages between windows of lines and scores, each on a thread of its own. */
@NullMarked
package dev.gavel.cli.scoring;

import org.jspecify.annotations.NullMarked;
