/** Output files that survive a crash: what is on the disk, and what is known about it. */
@NullMarked
package dev.gavel.cli.run;

import org.jspecify.annotations.NullMarked;
