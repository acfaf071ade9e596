/** What every command has: streams, ways to fail, exit codes, the version. */
@NullMarked
package dev.gavel.cli.program;

import org.jspecify.annotations.NullMarked;
