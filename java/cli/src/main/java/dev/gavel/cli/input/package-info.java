/** From files to windows of lines: compression, several files, shards, places to go on from. */
@NullMarked
package dev.gavel.cli.input;

import org.jspecify.annotations.NullMarked;
