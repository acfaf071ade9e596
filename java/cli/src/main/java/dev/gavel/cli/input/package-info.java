/** From files to windows of lines: which files, compression, shards, places to go on from. */
@NullMarked
package dev.gavel.cli.input;

import org.jspecify.annotations.NullMarked;
