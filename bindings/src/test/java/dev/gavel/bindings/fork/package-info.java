/**
 * Programs that tests start in a JVM of their own, because a process loads the native library once.
 */
@NullMarked
package dev.gavel.bindings.fork;

import org.jspecify.annotations.NullMarked;
